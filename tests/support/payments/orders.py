"""States of paid orders as facts carry them, and movements of their payments in the provider's books."""

from msgspec import UNSET, UnsetType

from egress.reconcile.books import Movement, MovementKind
from schemas.money import Money
from schemas.orders import Order, Refund, Status
from schemas.timestamps import EpochMs, to_text

TOTAL = 990


def order_state(
    order_id: str,
    status: Status,
    version: int,
    created_at: int,
    updated_at: int,
    *,
    paid: bool = False,
    refund: str = "",
    payment_id: str | UnsetType = UNSET,
    method: str = "pix",
) -> Order:
    """Return an order of restaurant r1; times are milliseconds since 1970."""
    return Order(
        order_id=order_id,
        restaurant_id="r1",
        status=status,
        items=[],
        total=Money(TOTAL),
        payment_method=method,
        idempotency_key_hash="h",
        created_at=to_text(created_at),
        updated_at=to_text(updated_at),
        version=version,
        paid=paid,
        refund=Refund(refund, Money(TOTAL)) if refund else None,  # type: ignore[arg-type]
        payment_id=payment_id,
    )


def movement(payment_id: str, kind: MovementKind, at: int, amount: int = TOTAL) -> Movement:
    """Return one movement."""
    return Movement(payment_id, f"o_{payment_id}", kind, amount, EpochMs(at))
