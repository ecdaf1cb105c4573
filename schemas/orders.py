"""An order, as facts and views carry it."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from schemas.money import Money

Status = Literal["pending", "received", "preparing", "out_for_delivery", "delivered", "cancelled"]

#: No status follows these.
FINAL: frozenset[Status] = frozenset({"delivered", "cancelled"})

#: Why an order is cancelled. The first five reject it when it is placed.
Reason = Literal[
    "out_of_stock",
    "price_changed",
    "promotion_closed",
    "limit_reached",
    "cash_limit_reached",
    "payment_declined",
    "payment_timeout",
    "preparation_timeout",
    "customer",
    "restaurant",
]


class OrderLine(Struct, frozen=True):
    """One line of an order, with the name and price that were decided."""

    sku: str
    name: str
    quantity: int
    unit_price: Money
    promotion_id: str | None = None


class Eta(Struct, frozen=True):
    """When the order leaves the kitchen, RFC 3339: not later than `p50` in 50 %, than `p90` in 90 % of cases."""

    p50: str
    p90: str


class Shortage(Struct, frozen=True):
    """An item of which an order wanted more portions than are left."""

    sku: str
    available: int


class LimitReached(Struct, frozen=True):
    """An item of which an order wanted more portions than the customer's limit leaves."""

    sku: str
    limit: int
    left: int


class CashLimit(Struct, frozen=True, omit_defaults=True):
    """A limit of cash orders that an order would pass, and what is left of it.

    It counts portions of the order itself, open cash orders of its customer or of its address, or portions of a
    promotion's item, `sku`, that open cash orders hold.
    """

    scope: Literal["order", "customer", "address", "promotion"]
    limit: int
    left: int
    sku: str | UnsetType = UNSET


class Refund(Struct, frozen=True):
    """The refund of an order: pending until the payment provider has confirmed it."""

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
    paid: bool = False  # the provider has authorised the payment
    refund: Refund | None = None
    customer_id: str | None = None  # opaque; counts against per-customer limits
    is_counted: bool = False  # its portions in promotions are counted as the customer's
    bucket: int | UnsetType = UNSET  # the bucket that decides it, if not the home
    #: Keyed digest of the client's network, empty if it has no limit, of an order that counts as a cash order while it
    #: is open. Unset: it never counted.
    cash_client: str | UnsetType = UNSET
    payment_id: str | UnsetType = UNSET  # of this life of the order; of an older order it is the order's id
    payment_reference: str | UnsetType = UNSET  # the provider's, of the authorisation that paid it
    holder: str | UnsetType = (
        UNSET  # the digest of the request that placed it; orders of earlier releases have none
    )


def is_refused(order: Order) -> bool:
    """Return True if the order ended before the restaurant had it, and no money is known to have moved."""
    return order.status == "cancelled" and order.eta is None and order.refund is None


def is_held_by(order: Order, holder: str | None) -> bool:
    """Return True if `holder` is the order's; an empty one is that of an order without. None: it is not compared."""
    return holder is None or (order.holder or "") == holder


def order_of(fact: Order) -> Order:
    """Return the order's state out of a fact that carries it: the fact without the fields of its own."""
    return Order(
        order_id=fact.order_id,
        restaurant_id=fact.restaurant_id,
        status=fact.status,
        items=fact.items,
        total=fact.total,
        payment_method=fact.payment_method,
        idempotency_key_hash=fact.idempotency_key_hash,
        created_at=fact.created_at,
        updated_at=fact.updated_at,
        version=fact.version,
        eta=fact.eta,
        reason=fact.reason,
        shortages=fact.shortages,
        paid=fact.paid,
        refund=fact.refund,
        customer_id=fact.customer_id,
        is_counted=fact.is_counted,
        bucket=fact.bucket,
        cash_client=fact.cash_client,
        payment_id=fact.payment_id,
        payment_reference=fact.payment_reference,
        holder=fact.holder,
    )
