"""An order after it was confirmed: moved on by the restaurant, cancelled, or overtaken by time."""

from schemas.codec import ReplyAddress
from schemas.commands import AdvanceOrder, CancelOrder
from schemas.facts import OrderCancelled, OrderStatusChanged, StockReleased
from schemas.instants import to_text
from schemas.orders import Order, Reason, Refund, order_of
from schemas.replies import Answer, Reply
from streams.domain import ordering, paying, reservation
from streams.domain.changes import changed
from streams.domain.decision import Decision, Policy, answer
from streams.domain.order_machine import ADVANCE, BEING_MADE, after
from streams.domain.state import Change, State
from tables.records import KeyEntry, Timer
from tables.registry import KEYS, TIMERS, key, timer_key


def advance_order(state: State, command: AdvanceOrder, now: int) -> Decision:
    """Move the order on; asking for the state that it is in changes nothing."""
    order = state.orders.get(key(command.restaurant_id, command.order_id))
    if order is None:
        return answer(Answer("unknown_order"))
    if order.status == command.status:
        return answer(Answer("advanced", order))
    status = after(order.status, ADVANCE[command.status])
    if status is None:
        return answer(Answer("invalid_transition", order))
    fact = OrderStatusChanged(**changed(order, now, status=status))
    return Decision((fact,), Reply(Answer("advanced", order_of(fact))))


def cancel_order(
    state: State, command: CancelOrder, now: int, policy: Policy, asker: ReplyAddress | None
) -> Decision:
    """Cancel what is not being made yet; the same key again gets the first answer again."""
    key_entry = key(command.restaurant_id, command.idempotency_key_hash)
    entry = state.keys.get(key_entry)
    if entry is not None and entry.expires_at > now:
        return ordering.again(state, entry, command.request_fingerprint, command.restaurant_id, asker)
    order = state.orders.get(key(command.restaurant_id, command.order_id))
    if order is None:
        return answer(Answer("unknown_order"))
    if order.status == "cancelled":
        return answer(Answer("cancelled", order))
    if after(order.status, "cancel") is None:
        return answer(Answer("too_late", order))
    if order.status == "pending":
        decision = paying.give_up(state, order, now, command.by, take_back=True)
    else:
        decision = cancel(state, order, now, command.by)
    first = decision.facts[0]
    assert isinstance(first, Order)
    answered = Answer("cancelled", order_of(first))
    expires_at = now + policy.idempotency_ttl_seconds * 1000
    kept = KeyEntry(
        request_fingerprint=command.request_fingerprint,
        order_id=command.order_id,
        answer=answered,
        expires_at=expires_at,
    )
    timer = Timer("key", command.restaurant_id, command.idempotency_key_hash, expires_at)
    return Decision(
        facts=decision.facts,
        reply=Reply(answered),
        waited=decision.waited,
        requests=decision.requests,
        notes=(
            *decision.notes,
            Change(KEYS, key_entry, kept),
            Change(TIMERS, timer_key(timer), timer),
        ),
    )


def preparation_expires(state: State, order: Order, now: int) -> Decision:
    """Cancel what took too long: portions return, or are wasted where they were being made."""
    return cancel(state, order, now, "preparation_timeout")


def cancel(state: State, order: Order, now: int, reason: Reason) -> Decision:
    """Cancel a confirmed order: release or waste its portions, and give its money back."""
    wasted = order.status in BEING_MADE
    refund = Refund("pending", order.total) if order.paid else None
    cancelled = OrderCancelled(**changed(order, now, status="cancelled", reason=reason, refund=refund))
    released = StockReleased(
        restaurant_id=order.restaurant_id,
        order_id=order.order_id,
        items=reservation.release(state, order, now, wasted=wasted),
        wasted=wasted,
        occurred_at=to_text(now),
    )
    requests = (paying.refund_request(order),) if order.paid else ()
    return Decision((cancelled, released), requests=requests)
