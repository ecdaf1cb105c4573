"""The list of tables: name, key, record, what each one is for.

One writer fills them all: the decision of `order.commands`, in the transaction of the command (DECISIONS.md,
position-with-the-state). They are partitioned as that topic is (DECISIONS.md, key-is-the-restaurant).
"""

from typing import Any, Generic, TypeVar

from msgspec import Struct

from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.orders import Order
from tables.records import (
    CashHold,
    CatalogueSize,
    CustomerUsage,
    EscrowState,
    IdempotencyRecord,
    Kitchen,
    OwedRefund,
    PendingReplies,
    RoutedKey,
    Timer,
    WaitlistedOrder,
)

R = TypeVar("R")


class TableSpec(Struct, Generic[R], frozen=True, eq=False):
    """One table: its name, the parts of its key, the class of its records, and what it is for.

    `grows_with`: by whose requests it gets rows; `kept`: until when it has a row, and what deletes it.

    A record has a version, as a message has (DECISIONS.md, versions-are-read). `written_version` is that of the records
    that this release writes, `known_version` the newest that it can read: it stops at a record of a newer one.
    """

    name: str
    key: tuple[str, ...]
    record: type[R]
    purpose: str
    grows_with: str
    kept: str
    written_version: int = 1
    known_version: int = 1


#: Every table, in the order of the definitions below.
TABLES: list[TableSpec[Any]] = []


def _table(
    name: str, key: tuple[str, ...], record: type[R], purpose: str, grows_with: str, kept: str
) -> TableSpec[R]:
    spec = TableSpec(name, key, record, purpose, grows_with, kept)
    TABLES.append(spec)
    return spec


RESTAURANTS = _table(
    "restaurants", ("restaurant_id",), Restaurant, "profiles", "the administrator", "until it is deleted"
)
ITEMS = _table("items", ("restaurant_id", "sku"), Item, "the menu", "restaurants", "until it is deleted")
STOCKS = _table(
    "stocks",
    ("restaurant_id", "sku"),
    Stock,
    "portions, free and reserved",
    "restaurants: one for each item and bucket",
    "until its item is deleted",
)
PROMOTIONS = _table(
    "promotions",
    ("restaurant_id", "promotion_id"),
    Promotion,
    "windows and prices",
    "restaurants",
    "until it is deleted, or `PROMO_PROMOTION_RETENTION_SECONDS` after its end; a timer deletes it",
)
CATALOGUE_SIZES = _table(
    "catalogue_sizes",
    ("restaurant_id",),
    CatalogueSize,
    "numbers of items and promotions, which have limits; the version of the latest deletion",
    "the administrator: one for each restaurant",
    "indefinitely, also when the restaurant is deleted: versions go on if it is put again",
)
CUSTOMER_USAGE = _table(
    "customer_usage",
    ("restaurant_id", "promotion_id", "customer_id"),
    CustomerUsage,
    "per-customer limits",
    "anonymous clients: one for each name that orders under a limit",
    "until the promotion retires, 1 h after its end; a timer deletes it",
)
CASH_HOLDS = _table(
    "cash_holds",
    ("restaurant_id", "scope", "subject"),
    CashHold,
    "open cash orders by customer and by address, and the portions that they hold by promotion and sku",
    "anonymous clients: up to two for each open cash order, and one for each item of a promotion in it",
    "until the last of these orders is no longer open",
)
KITCHENS = _table(
    "kitchens",
    ("restaurant_id",),
    Kitchen,
    "the length of the queue",
    "the administrator: one for each restaurant",
    "until the restaurant is deleted, but for one number: versions of orders go on if it is put again",
)
ORDERS = _table(
    "orders",
    ("restaurant_id", "order_id"),
    Order,
    "the current state of orders",
    "anonymous clients: one for each order, refused ones too",
    "8 d after its last change, once it has ended and its refund is answered; 20 min if refused; a timer deletes it",
)
IDEMPOTENCY_KEYS = _table(
    "idempotency_keys",
    ("restaurant_id", "idempotency_key_hash"),
    IdempotencyRecord,
    "answers to replay",
    "anonymous clients: one for each key",
    "`PROMO_IDEMPOTENCY_TTL_SECONDS`; 20 min if the order is refused; a timer deletes it",
)
PENDING_REPLIES = _table(
    "pending_replies",
    ("restaurant_id", "order_id"),
    PendingReplies,
    "callers that wait for a payment",
    "anonymous clients: up to 50 callers for each pending order",
    "until the payment is decided",
)
OWED_REFUNDS = _table(
    "owed_refunds",
    ("restaurant_id", "order_id"),
    OwedRefund,
    "refunds that the payment provider has not answered",
    "anonymous clients: one for each order that is cancelled after or during its payment",
    "until the provider answers, or a person redrives its dead letter",
)
TIMERS = _table(
    "timers",
    ("due", "kind", "restaurant_id", "subject"),
    Timer,
    "deadlines, earliest first",
    "anonymous clients: up to three for each order",
    "until it is due",
)
ESCROWS = _table(
    "escrows",
    ("bucket",),
    EscrowState,
    "requests and transfers between buckets",
    "no one: one for each bucket",
    "indefinitely",
)
WAITLIST = _table(
    "waitlist",
    ("bucket", "number"),
    WaitlistedOrder,
    "orders that wait for portions",
    "anonymous clients: one for each order that waits",
    "until another bucket has answered",
)
ROUTED_KEYS = _table(
    "routed_keys",
    ("bucket", "idempotency_key_hash"),
    RoutedKey,
    "orders that another bucket decides",
    "anonymous clients: one for each key that another bucket decides",
    "indefinitely",
)

#: Joins the parts of a key; no identifier may contain it.
SEPARATOR = "\x1f"


def key(*parts: str) -> str:
    """Join the parts of a key, in the order that the table's spec names them."""
    return SEPARATOR.join(parts)


def timer_key(timer: Timer) -> str:
    """Return the key of a timer; the order of the keys is the order of the deadlines."""
    return key(f"{timer.due:015d}", timer.kind, timer.restaurant_id, timer.subject)
