"""The payment of an order: what the provider said, and what is done when it said nothing in time."""

from schemas.codec import ReplyAddress
from schemas.commands import PaymentResult
from schemas.facts import OrderFailed, PaymentRefunded, StockReleased
from schemas.instants import to_text
from schemas.orders import Order, Reason, Refund
from schemas.payments import PaymentRequest
from schemas.replies import Answer, Reply
from streams.domain import answers, ordering, reservation
from streams.domain.changes import changed
from streams.domain.decision import Decision
from streams.domain.state import Change, State
from tables.registry import WAITING, key

NOTHING = Decision()


def payment_result(state: State, command: PaymentResult, now: int) -> Decision:
    """Confirm, or fail and release; what is already decided stays as it is."""
    order = state.orders.get(key(command.restaurant_id, command.order_id))
    if order is None:
        return NOTHING
    if command.kind == "refund":
        return _refunded(order, now) if command.outcome == "refunded" else NOTHING
    if order.status != "pending":
        return NOTHING  # a repeat, or too late: then the refund that was asked for takes it back
    if command.outcome == "authorised":
        confirmed = ordering.confirm(state, order, _fingerprint(state, order), now, paid=True)
        waited, notes = decided(state, order, answers.confirmed(confirmed))
        return Decision((confirmed,), waited=waited, notes=notes)
    return give_up(state, order, now, "payment_declined")


def reservation_expires(state: State, order: Order, now: int) -> Decision:
    """Give the portions back; whatever the provider may have authorised, it is to take back."""
    return give_up(state, order, now, "payment_timeout", take_back=True)


def give_up(state: State, order: Order, now: int, reason: Reason, *, take_back: bool = False) -> Decision:
    """Fail a pending order, and release what it held."""
    failed: OrderFailed = ordering.fail(order, _fingerprint(state, order), now, reason, [], [])
    released = StockReleased(
        restaurant_id=order.restaurant_id,
        order_id=order.order_id,
        items=reservation.release(state, order, now, wasted=False),
        wasted=False,
        occurred_at=to_text(now),
    )
    waited, notes = decided(state, order, answers.failed(failed))
    requests = (refund_request(order),) if take_back else ()
    return Decision((failed, released), waited=waited, requests=requests, notes=notes)


def refund_request(order: Order) -> PaymentRequest:
    """Ask the gateway to make sure that nothing of this order stays paid."""
    return PaymentRequest(
        restaurant_id=order.restaurant_id,
        order_id=order.order_id,
        kind="refund",
        amount=order.total,
        method=order.payment_method,
    )


def decided(
    state: State, order: Order, answered: Answer
) -> tuple[tuple[tuple[ReplyAddress, Reply], ...], tuple[Change, ...]]:
    """Return the replies to all who wait for this order, and the note that nobody does any more."""
    waiting = state.waiting.get(key(order.restaurant_id, order.order_id))
    if waiting is None:
        return (), ()
    replies = tuple((asker, Reply(answered, replayed=i > 0)) for i, asker in enumerate(waiting.askers))
    return replies, (Change(WAITING, key(order.restaurant_id, order.order_id), None),)


def _fingerprint(state: State, order: Order) -> str:
    entry = state.keys.get(key(order.restaurant_id, order.idempotency_key_hash))
    return entry.request_fingerprint if entry else ""


def _refunded(order: Order, now: int) -> Decision:
    if order.status != "cancelled" or (order.refund is not None and order.refund.status == "refunded"):
        return NOTHING
    refund = Refund("refunded", order.total)
    return Decision((PaymentRefunded(**changed(order, now, refund=refund)),))
