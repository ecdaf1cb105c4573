"""A placed order: moved on by the restaurant, cancelled, or prepared too late."""

from msgspec.structs import replace

from schemas.codec import ReplyAddress
from schemas.commands import AdvanceOrder, CancelOrder
from schemas.orders import Order, Reason, Refund, order_of
from schemas.replies import Answer, Reply
from schemas.timestamps import EpochMs, add_seconds
from streams.domain import order_facts, payments, place_order, reservation
from streams.domain.decision import Decision, Policy, reply_only
from streams.domain.order_machine import IN_PREPARATION, TRIGGER_OF_STATUS, next_state
from streams.domain.state import Change, State
from tables.records import IdempotencyRecord, Timer
from tables.registry import IDEMPOTENCY_KEYS, ORDERS, TIMERS, key, timer_key


def advance_order(state: State, command: AdvanceOrder, now: EpochMs) -> Decision:
    """Move the order to the state that the restaurant names; the state it already has changes nothing."""
    order = state[ORDERS].get(key(command.restaurant_id, command.order_id))
    if order is None:
        return reply_only(Answer("unknown_order"))
    if order.status == command.status:
        return reply_only(Answer("advanced", order))
    status = next_state(order.status, TRIGGER_OF_STATUS[command.status])
    if status is None:
        return reply_only(Answer("invalid_transition", order))
    fact = order_facts.status_changed(order, now, status)
    return Decision((fact,), Reply(Answer("advanced", order_of(fact))))


def cancel_order(
    state: State, command: CancelOrder, now: EpochMs, policy: Policy, reply_to: ReplyAddress | None
) -> Decision:
    """Cancel an order that is not in preparation yet; a retry with the same key gets the first answer."""
    idempotency_key = key(command.restaurant_id, command.idempotency_key_hash)
    record = state[IDEMPOTENCY_KEYS].get(idempotency_key)
    if record is not None and record.expires_at > now:
        return place_order.replay(state, record, command.request_fingerprint, command.restaurant_id, reply_to)
    order = state[ORDERS].get(key(command.restaurant_id, command.order_id))
    if order is None:
        return reply_only(Answer("unknown_order"))
    if order.status == "cancelled":
        return reply_only(Answer("cancelled", order))
    if next_state(order.status, "cancel") is None:
        return reply_only(Answer("too_late", order))
    if order.status == "pending":
        decision = payments.fail_and_release(state, order, now, command.by, revoke_payment=True)
    else:
        decision = cancel(state, order, now, command.by)
    first = decision.facts[0]
    assert isinstance(first, Order)
    answer = Answer("cancelled", order_of(first))
    expires_at = add_seconds(now, policy.idempotency_ttl_seconds)
    record = IdempotencyRecord(
        request_fingerprint=command.request_fingerprint,
        order_id=command.order_id,
        answer=answer,
        expires_at=expires_at,
    )
    timer = Timer("key", command.restaurant_id, command.idempotency_key_hash, expires_at)
    stored = Change(IDEMPOTENCY_KEYS, idempotency_key, record), Change(TIMERS, timer_key(timer), timer)
    return replace(decision, reply=Reply(answer), state_changes=(*decision.state_changes, *stored))


def preparation_expires(state: State, order: Order, now: EpochMs) -> Decision:
    """Cancel an order whose preparation took too long."""
    return cancel(state, order, now, "preparation_timeout")


def cancel(state: State, order: Order, now: EpochMs, reason: Reason) -> Decision:
    """Cancel a confirmed order: release its portions, or waste those in preparation, and refund it."""
    wasted = order.status in IN_PREPARATION
    refund = Refund("pending", order.total) if order.paid else None
    return Decision(
        (
            order_facts.cancelled(order, now, reason, refund),
            reservation.released(state, order, now, wasted=wasted),
        ),
        payment_requests=(payments.refund_request(order),) if order.paid else (),
    )
