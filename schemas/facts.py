"""Facts: what was decided. Each carries the resulting state and its version (README, decision 5)."""

from typing import Literal

from msgspec import Struct

from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.commands import Address, Customer
from schemas.money import Money
from schemas.orders import Eta, FailureReason, OrderLine, Shortage


class OrderCreated(Struct, frozen=True):
    """An order came into being; whether it can be had is the next fact."""

    order_id: str
    restaurant_id: str
    items: list[OrderLine]
    total: Money
    payment_method: str
    idempotency_key_hash: str
    request_fingerprint: str
    delivery_address: Address
    occurred_at: str
    version: int
    status: Literal["pending"] = "pending"
    customer: Customer | None = None


class ReservedItem(Struct, frozen=True):
    """What one order took of one item, and the stock that results.

    `available` is what is left to the next customer at this time; null: unlimited.
    `version` is the stock's.
    """

    sku: str
    quantity: int
    available: int | None
    version: int
    stock: Stock
    promotion_id: str | None = None
    customer_id: str | None = None  # set where the promotion has a per-customer limit


class StockReserved(Struct, frozen=True):
    """Every line of an order was reserved; one entry per sku."""

    restaurant_id: str
    order_id: str
    items: list[ReservedItem]
    occurred_at: str


class OrderConfirmed(Struct, frozen=True):
    """The restaurant has the order."""

    order_id: str
    restaurant_id: str
    items: list[OrderLine]
    total: Money
    payment_method: str
    idempotency_key_hash: str
    request_fingerprint: str
    eta: Eta
    created_at: str
    occurred_at: str
    version: int
    status: Literal["received"] = "received"


class OrderFailed(Struct, frozen=True):
    """The order was refused; nothing of it is reserved."""

    order_id: str
    restaurant_id: str
    items: list[OrderLine]
    total: Money
    payment_method: str
    idempotency_key_hash: str
    request_fingerprint: str
    reason: FailureReason
    skus: list[str]  # the items that the reason is about
    created_at: str
    occurred_at: str
    version: int
    shortages: list[Shortage] = []
    status: Literal["cancelled"] = "cancelled"


class CatalogChanged(Struct, frozen=True):
    """A restaurant, an item or a promotion changed; exactly one of the three is given.

    `stocks` are those whose portions changed with it. `version` is the changed thing's.
    """

    restaurant_id: str
    occurred_at: str
    version: int
    restaurant: Restaurant | None = None
    item: Item | None = None
    promotion: Promotion | None = None
    stocks: list[Stock] = []


class Watermark(Struct, frozen=True):
    """Everything asked before `as_of` (RFC 3339) has been decided in this partition."""

    partition: int
    as_of: str


Fact = OrderCreated | StockReserved | OrderConfirmed | OrderFailed | CatalogChanged
