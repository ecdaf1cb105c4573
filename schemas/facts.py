"""Facts: what was decided. Each carries the resulting state and its version (README, decision 5)."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.commands import CustomerRef
from schemas.orders import Order


class OrderCreated(Order, frozen=True, kw_only=True):
    """An order came into being; whether it can be had is told by a later fact.

    `personal` is address, name and phone, sealed with the order's key (README, decision 13); version 1 had them plain.
    """

    request_fingerprint: str
    customer: CustomerRef | None = None
    occurred_at: str
    personal: bytes | None = None


class ReservedItem(Struct, frozen=True):
    """What one order took of one item, or gave back, and the stock that results.

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
    bucket: int | UnsetType = UNSET  # whose stock it is, where it is not the home's


class StockReleased(Struct, frozen=True):
    """What an order had taken is free again, or, where it was already being made, wasted; one entry per sku."""

    restaurant_id: str
    order_id: str
    items: list[ReservedItem]
    wasted: bool
    occurred_at: str
    bucket: int | UnsetType = UNSET  # whose stock it is, where it is not the home's


class OrderConfirmed(Order, frozen=True, kw_only=True):
    """The restaurant has the order."""

    request_fingerprint: str
    occurred_at: str


class OrderFailed(Order, frozen=True, kw_only=True):
    """The order was never confirmed; `reason` says why, and nothing of it is reserved."""

    request_fingerprint: str
    skus: list[str]  # the items that the reason is about
    occurred_at: str


class OrderStatusChanged(Order, frozen=True, kw_only=True):
    """The restaurant moved a confirmed order on."""

    occurred_at: str


class OrderCancelled(Order, frozen=True, kw_only=True):
    """A confirmed order was cancelled; where money had moved, `refund` is pending."""

    occurred_at: str


class PaymentRefunded(Order, frozen=True, kw_only=True):
    """The money of a cancelled or failed order went back; `refund` says how much."""

    occurred_at: str


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


class MovedItem(Struct, frozen=True):
    """Portions of one item that left a bucket or came to it, and the bucket's stock that results."""

    sku: str
    quantity: int
    version: int
    stock: Stock
    promotion_id: str | None = None


class PortionsMoved(Struct, frozen=True):
    """One end of a transfer between two buckets of a restaurant (README, Stock escrow).

    Lender, borrower and number name the transfer: it is told once as `out`, once as `in`.
    """

    restaurant_id: str
    lender: str
    borrower: str
    number: int
    direction: Literal["out", "in"]
    items: list[MovedItem]
    occurred_at: str
    bucket: int | UnsetType = UNSET  # whose stock it is, where it is not the home's


class Watermark(Struct, frozen=True):
    """Everything asked before `as_of` (RFC 3339) has been decided in this partition."""

    partition: int
    as_of: str


Fact = (
    OrderCreated
    | StockReserved
    | StockReleased
    | OrderConfirmed
    | OrderFailed
    | OrderStatusChanged
    | OrderCancelled
    | PaymentRefunded
    | CatalogChanged
    | PortionsMoved
)

#: The facts that carry an order's resulting state.
OrderFact = (
    OrderCreated | OrderConfirmed | OrderFailed | OrderStatusChanged | OrderCancelled | PaymentRefunded
)
