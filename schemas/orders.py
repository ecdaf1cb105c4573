"""An order as facts and views carry it."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from schemas.money import Money

Status = Literal["pending", "received", "preparing", "out_for_delivery", "delivered", "cancelled"]

#: Nothing follows these.
FINAL: frozenset[Status] = frozenset({"delivered", "cancelled"})

#: Why an order is cancelled. The first four refuse it when it is placed.
Reason = Literal[
    "out_of_stock",
    "price_changed",
    "promotion_closed",
    "limit_reached",
    "payment_declined",
    "payment_timeout",
    "preparation_timeout",
    "customer",
    "restaurant",
]


class OrderLine(Struct, frozen=True):
    """One line as it was decided."""

    sku: str
    name: str
    quantity: int
    unit_price: Money
    promotion_id: str | None = None


class Eta(Struct, frozen=True):
    """When the order is expected to leave the kitchen: RFC 3339; right in half, and in 90 %, of cases."""

    p50: str
    p90: str


class Shortage(Struct, frozen=True):
    """What is left of an item that an order asked too much of."""

    sku: str
    available: int


class Refund(Struct, frozen=True):
    """Money that goes back: asked for, then given."""

    status: Literal["pending", "refunded"]
    amount: Money


class Order(Struct, frozen=True, kw_only=True):
    """The resulting state of an order; `version` grows by one with each change."""

    order_id: str
    restaurant_id: str
    status: Status
    items: list[OrderLine]
    total: Money
    payment_method: str
    idempotency_key_hash: str
    created_at: str
    updated_at: str
    version: int
    eta: Eta | None = None
    reason: Reason | None = None
    shortages: list[Shortage] = []
    paid: bool = False  # an authorisation is known to stand
    refund: Refund | None = None
    customer_id: str | None = None  # opaque; counts against per-customer limits
    bucket: int | UnsetType = UNSET  # of the restaurant that has it, where that is not its home


def order_of(fact: Order) -> Order:
    """Return the order's state out of a fact that carries it."""
    return Order(**{name: getattr(fact, name) for name in Order.__struct_fields__})
