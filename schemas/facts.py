"""Facts: what was decided. Each carries the resulting state and its version (DECISIONS.md, facts-carry-state)."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.commands import CustomerRef
from schemas.orders import CashLimit, LimitReached, Order


class OrderCreated(Order, frozen=True, kw_only=True):
    """An order was created; a later fact says whether it was confirmed.

    `personal` is address, name and phone, sealed with the keys of order, month and customer; version 1 had them in plain text.
    """

    request_fingerprint: str
    customer: CustomerRef | None = None
    occurred_at: str
    personal: bytes | None = None


class ReservedItem(Struct, frozen=True):
    """Portions of one item that an order reserved or released, and the resulting stock.

    `available` is what is left for the next customer at this time; null: unlimited.
    `version` is the stock's.
    """

    sku: str
    quantity: int
    available: int | None
    version: int
    stock: Stock
    promotion_id: str | None = None
    customer_id: str | None = None  # the customer for whom the promotion's portions are counted


class StockReserved(Struct, frozen=True):
    """Every line of an order was reserved; one entry per sku."""

    restaurant_id: str
    order_id: str
    items: list[ReservedItem]
    occurred_at: str
    bucket: int | UnsetType = UNSET  # whose stock it is, if not the home's


class StockReleased(Struct, frozen=True):
    """An order's portions are free again, or wasted if they were already being prepared; one entry per sku."""

    restaurant_id: str
    order_id: str
    items: list[ReservedItem]
    wasted: bool
    occurred_at: str
    bucket: int | UnsetType = UNSET  # whose stock it is, if not the home's


class OrderConfirmed(Order, frozen=True, kw_only=True):
    """The order was confirmed to customer and restaurant."""

    request_fingerprint: str
    occurred_at: str


class OrderFailed(Order, frozen=True, kw_only=True):
    """The order was not confirmed; `reason` says why, and nothing is reserved for it."""

    request_fingerprint: str
    skus: list[str]  # the items that the reason is about
    occurred_at: str
    limits: list[LimitReached] = field(default_factory=list)
    cash_limits: list[CashLimit] = field(default_factory=list)


class OrderStatusChanged(Order, frozen=True, kw_only=True):
    """The restaurant changed the status of a confirmed order."""

    occurred_at: str


class OrderCancelled(Order, frozen=True, kw_only=True):
    """A confirmed order was cancelled; if it was paid, `refund` is pending."""

    occurred_at: str


class PaymentRefunded(Order, frozen=True, kw_only=True):
    """The payment of a cancelled or failed order was refunded; `refund` says how much."""

    occurred_at: str


class CatalogChanged(Struct, frozen=True):
    """A restaurant, an item, a promotion or a stock changed; of the first three at most one is given.

    `stocks` has at most one stock: that of the item, or one whose allotment changed with a promotion. The stocks of a
    promotion come before it, each in a fact of its own. `version` is that of the restaurant, item, promotion or stock.

    Or one of them was deleted, an item together with its stock. `version` is then greater than every earlier version
    of what was deleted. Whatever the restaurant gets new afterwards begins with a greater version.
    """

    restaurant_id: str
    occurred_at: str
    version: int
    restaurant: Restaurant | None = None
    item: Item | None = None
    promotion: Promotion | None = None
    stocks: list[Stock] = []
    changed_by: str | None = None  # `admin:NAME` or `restaurant:TOKEN_ID`; null: by time, or not known
    # ids of what was deleted; earlier releases know no deletions, and read the fact as one of no change
    deleted_restaurant: str | UnsetType = UNSET
    deleted_item: str | UnsetType = UNSET
    deleted_promotion: str | UnsetType = UNSET

    @property
    def is_deletion(self) -> bool:
        """True if something was deleted."""
        return bool(self.deleted_restaurant or self.deleted_item or self.deleted_promotion)


class MovedItem(Struct, frozen=True):
    """Portions of one item that left or entered a bucket, and the bucket's resulting stock."""

    sku: str
    quantity: int
    version: int
    stock: Stock
    promotion_id: str | None = None


class PortionsMoved(Struct, frozen=True):
    """One end of a transfer between two buckets of a restaurant.

    Lender, borrower and number identify the transfer, which has one fact with `out` and one with `in`.
    """

    restaurant_id: str
    lender: str
    borrower: str
    number: int
    direction: Literal["out", "in"]
    items: list[MovedItem]
    occurred_at: str
    bucket: int | UnsetType = UNSET  # whose stock it is, if not the home's


class Watermark(Struct, frozen=True):
    """Every command before `as_of` (RFC 3339) is decided in this partition."""

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
