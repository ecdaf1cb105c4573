"""Orders as they were answered: what a client has been sent holds at every process before the views show it.

An answer about an order goes to the store before it goes to the client. A reader takes the newer one of the view and
the answer. DECISIONS.md, read-your-own-writes
"""

from collections.abc import Sequence
from typing import Literal, Protocol, cast

from msgspec import UNSET, Struct

from ingress.views.ports import OrderView, StatusChange
from schemas.money import Money
from schemas.orders import Order, Reason

#: Why an order was refused that left no facts; `refused`: the reason is not known any more.
RefusalReason = Literal["unknown_restaurant", "unknown_item", "customer_required", "refused"]
#: Versions of a refused order's two statuses.
PENDING_VERSION, REFUSED_VERSION = 1, 2


class AnsweredOrder(Struct, frozen=True):
    """An order as it was answered; `personal` is its sealed personal data, if the answer was to its placing."""

    order: Order
    personal: bytes | None = None

    @property
    def order_id(self) -> str:
        """The id of the order."""
        return self.order.order_id


class Refusal(Struct, frozen=True):
    """An order that was refused and left no facts; any state of an order with the same id is newer."""

    order_id: str
    restaurant_id: str
    reason: RefusalReason
    at: str
    holder: str | None = None  # as in an order


Answered = AnsweredOrder | Refusal


class AnswerStore(Protocol):
    """Keeps answers for a time, for all processes. No method raises: without an answer, readers see the view."""

    async def record(self, answered: Answered) -> bool:
        """Keep an answer; of one order the newest is read. Return True if readers will find it from now on."""

    async def clear_refusal(self, order_id: str) -> None:
        """Forget a refusal, because the order was placed again."""


def newest(view: OrderView | None, answered: Sequence[Answered]) -> OrderView | None:
    """Return the view, or the view with the answers that are newer than it.

    Args:
        view: the order as the view shows it.
        answered: the answers that are known, by version.
    """
    for one in answered:
        if view is None or _version(one) > view.order.version:
            view = _add_answer(view, one)
    return view


def _add_answer(view: OrderView | None, answered: Answered) -> OrderView:
    order = _refused_order(answered) if isinstance(answered, Refusal) else answered.order
    if view is None:
        history = [StatusChange("pending", order.created_at, PENDING_VERSION)]
        personal = answered.personal if isinstance(answered, AnsweredOrder) else None
    else:
        history, personal = list(view.history), view.personal
    if order.status not in {change.status for change in history}:
        history.append(StatusChange(order.status, order.updated_at, order.version))
    return OrderView(order, history, personal)


def is_refusal(view: OrderView) -> bool:
    """Return True if the view is that of an order that was refused and left no facts."""
    return not view.order.payment_method


def _version(answered: Answered) -> int:
    return 0 if isinstance(answered, Refusal) else answered.order.version


def _refused_order(refusal: Refusal) -> Order:
    """Return a refused order as a cancelled one without lines."""
    return Order(
        order_id=refusal.order_id,
        restaurant_id=refusal.restaurant_id,
        status="cancelled",
        items=[],
        total=Money(0),
        payment_method="",
        idempotency_key_hash="",
        created_at=refusal.at,
        updated_at=refusal.at,
        version=REFUSED_VERSION,
        reason=cast(Reason, refusal.reason),  # no fact has it
        holder=refusal.holder or UNSET,
    )
