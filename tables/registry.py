"""The registry of tables: name, key, record, what it is for.

All are written by one writer, the decision of `order.commands`, in the transaction of the
command (README, decisions 1 and 3), and partitioned as that topic is.
"""

from typing import Any

from msgspec import Struct

from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.orders import Order
from tables.records import Allowance, Escrow, KeyEntry, Kitchen, Parked, Passed, Timer, Waiting


class TableSpec(Struct, frozen=True):
    """One table: its name, what its key is made of, its record's class."""

    name: str
    key: tuple[str, ...]
    record: type[Any]
    holds: str


RESTAURANTS = TableSpec("restaurants", ("restaurant_id",), Restaurant, "profiles")
ITEMS = TableSpec("items", ("restaurant_id", "sku"), Item, "the menu")
STOCKS = TableSpec("stocks", ("restaurant_id", "sku"), Stock, "portions, free and taken")
PROMOTIONS = TableSpec("promotions", ("restaurant_id", "promotion_id"), Promotion, "windows and prices")
ALLOWANCES = TableSpec(
    "allowances", ("restaurant_id", "promotion_id", "customer_id"), Allowance, "use of per-customer limits"
)
KITCHENS = TableSpec("kitchens", ("restaurant_id",), Kitchen, "the length of the queue")
ORDERS = TableSpec("orders", ("restaurant_id", "order_id"), Order, "every order's present state")
KEYS = TableSpec("keys", ("restaurant_id", "idempotency_key_hash"), KeyEntry, "answers already given")
WAITING = TableSpec("waiting", ("restaurant_id", "order_id"), Waiting, "who waits for an order's payment")
TIMERS = TableSpec(
    "timers", ("due", "kind", "restaurant_id", "subject"), Timer, "what is due, earliest first"
)
ESCROWS = TableSpec("escrows", ("bucket",), Escrow, "asks and answers between buckets")
PARKED = TableSpec("parked", ("bucket", "number"), Parked, "orders that wait for another bucket's portions")
PASSED = TableSpec("passed", ("bucket", "idempotency_key_hash"), Passed, "orders that another bucket decides")

TABLES: tuple[TableSpec, ...] = (
    RESTAURANTS,
    ITEMS,
    STOCKS,
    PROMOTIONS,
    ALLOWANCES,
    KITCHENS,
    ORDERS,
    KEYS,
    WAITING,
    TIMERS,
    ESCROWS,
    PARKED,
    PASSED,
)

#: Parts of a key are joined by this character, which no identifier may hold.
SEPARATOR = "\x1f"


def key(*parts: str) -> str:
    """Join the parts of a key in the order that the table's spec names them."""
    return SEPARATOR.join(parts)


def timer_key(timer: Timer) -> str:
    """Return the key of a timer; keys are in the order of what is due."""
    return key(f"{timer.due:015d}", timer.kind, timer.restaurant_id, timer.subject)
