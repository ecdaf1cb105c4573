"""Orders as they were answered: what a client has been sent holds at every process before the views show it.

An answer about an order goes to the store before it goes to the client. A reader takes the newer one of the view and
the answer. DECISIONS.md, read-your-own-writes
"""

from typing import Literal, Protocol, cast

from msgspec import Struct

from ingress.views.ports import OrderView, StatusChange
from schemas.money import Money
from schemas.orders import Order, Reason
from schemas.timestamps import EpochMs, to_text

#: Why an order was refused that left no facts; `refused`: the reason is not known any more.
RefusalReason = Literal["unknown_restaurant", "unknown_item", "customer_required", "refused"]
#: Versions of a refused order's two statuses.
PENDING_VERSION, REFUSED_VERSION = 1, 2


class AnsweredOrder(Struct, frozen=True):
    """An order as it was answered; `personal` is its sealed personal data, if the answer was to its placing."""

    order: Order
    personal: bytes | None = None
    is_refusal: bool = False  # the order left no facts; any state of an order with the same id is newer


class AnswerStore(Protocol):
    """Keeps answers for a time, for all processes. No method raises: without an answer, readers see the view."""

    async def record(self, answered: AnsweredOrder) -> None:
        """Keep an answer; of one order the newest is read."""

    async def clear_refusal(self, order_id: str) -> None:
        """Forget a refusal, because the order was placed again."""


def refuse(order_id: str, restaurant_id: str, reason: RefusalReason, now: EpochMs) -> AnsweredOrder:
    """Return the answer of an order that was refused without a fact, as a cancelled order without lines."""
    at = to_text(now)
    order = Order(
        order_id=order_id,
        restaurant_id=restaurant_id,
        status="cancelled",
        items=[],
        total=Money(0),
        payment_method="",
        idempotency_key_hash="",
        created_at=at,
        updated_at=at,
        version=REFUSED_VERSION,
        reason=cast(Reason, reason),  # no fact has it
    )
    return AnsweredOrder(order, is_refusal=True)


def newest(view: OrderView | None, answered: AnsweredOrder | None) -> OrderView | None:
    """Return the view, or the view with the answer that is newer than it."""
    if answered is None:
        return view
    order = answered.order
    if view is None:
        history = [StatusChange("pending", order.created_at, PENDING_VERSION)]
        personal = answered.personal
    elif answered.is_refusal or order.version <= view.order.version:
        return view
    else:
        history, personal = list(view.history), view.personal
    if order.status not in {change.status for change in history}:
        history.append(StatusChange(order.status, order.updated_at, order.version))
    return OrderView(order, history, personal)
