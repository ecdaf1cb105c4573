"""The list of tables: name, key, record, what each one is for.

One writer fills them all: the decision of `order.commands`, in the transaction of the command (DECISIONS.md,
position-with-the-state). They are partitioned as that topic is (DECISIONS.md, key-is-the-restaurant).
"""

from typing import Any, Generic, TypeVar

from msgspec import Struct

from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.orders import Order
from tables.records import (
    CustomerUsage,
    EscrowState,
    IdempotencyRecord,
    Kitchen,
    PendingReplies,
    RoutedKey,
    Timer,
    WaitlistedOrder,
)

R = TypeVar("R")


class TableSpec(Struct, Generic[R], frozen=True, eq=False):
    """One table: its name, the parts of its key, the class of its records, and what it is for."""

    name: str
    key: tuple[str, ...]
    record: type[R]
    purpose: str


#: Every table, in the order of the definitions below.
TABLES: list[TableSpec[Any]] = []


def _table(name: str, key: tuple[str, ...], record: type[R], purpose: str) -> TableSpec[R]:
    spec = TableSpec(name, key, record, purpose)
    TABLES.append(spec)
    return spec


RESTAURANTS = _table("restaurants", ("restaurant_id",), Restaurant, "profiles")
ITEMS = _table("items", ("restaurant_id", "sku"), Item, "the menu")
STOCKS = _table("stocks", ("restaurant_id", "sku"), Stock, "portions, free and reserved")
PROMOTIONS = _table("promotions", ("restaurant_id", "promotion_id"), Promotion, "windows and prices")
CUSTOMER_USAGE = _table(
    "customer_usage", ("restaurant_id", "promotion_id", "customer_id"), CustomerUsage, "per-customer limits"
)
KITCHENS = _table("kitchens", ("restaurant_id",), Kitchen, "the length of the queue")
ORDERS = _table("orders", ("restaurant_id", "order_id"), Order, "the current state of every order")
IDEMPOTENCY_KEYS = _table(
    "idempotency_keys", ("restaurant_id", "idempotency_key_hash"), IdempotencyRecord, "answers to replay"
)
PENDING_REPLIES = _table(
    "pending_replies", ("restaurant_id", "order_id"), PendingReplies, "callers that wait for a payment"
)
TIMERS = _table("timers", ("due", "kind", "restaurant_id", "subject"), Timer, "deadlines, earliest first")
ESCROWS = _table("escrows", ("bucket",), EscrowState, "requests and transfers between buckets")
WAITLIST = _table("waitlist", ("bucket", "number"), WaitlistedOrder, "orders that wait for portions")
ROUTED_KEYS = _table(
    "routed_keys", ("bucket", "idempotency_key_hash"), RoutedKey, "orders that another bucket decides"
)

#: Joins the parts of a key; no identifier may contain it.
SEPARATOR = "\x1f"


def key(*parts: str) -> str:
    """Join the parts of a key, in the order that the table's spec names them."""
    return SEPARATOR.join(parts)


def timer_key(timer: Timer) -> str:
    """Return the key of a timer; the order of the keys is the order of the deadlines."""
    return key(f"{timer.due:015d}", timer.kind, timer.restaurant_id, timer.subject)
