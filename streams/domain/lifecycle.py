"""A placed order: moved on by the restaurant, cancelled, or prepared too late."""

from msgspec.structs import replace

from schemas.codec import ReplyAddress
from schemas.commands import AdvanceOrder, CancelOrder, FindOrder
from schemas.orders import Order, Reason, Refund, is_held_by, order_of
from schemas.replies import Answer, Reply
from schemas.timestamps import EpochMs, add_seconds
from streams.domain import idempotency, order_facts, payments, reservation
from streams.domain.decision import Decision, Policy, reply_only
from streams.domain.order_machine import IN_PREPARATION, TRIGGER_OF_STATUS, next_state
from streams.domain.state import State
from tables.registry import ORDERS, key


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


def find_order(state: State, command: FindOrder) -> Decision:
    """Reply with the order's state; every command before this one is decided, so an unknown order was refused.

    The order's key was reused by the caller if another request has placed it: then nothing of the order is said.
    """
    order = state[ORDERS].get(key(command.restaurant_id, command.order_id))
    if order is None:
        return reply_only(Answer("unknown_order"))
    return reply_only(Answer("found", order) if is_held_by(order, command.holder) else Answer("key_reused"))


def cancel_order(
    state: State, command: CancelOrder, now: EpochMs, policy: Policy, reply_to: ReplyAddress | None
) -> Decision:
    """Cancel an order that is not in preparation yet; a retry with the same key gets the first answer."""
    order = state[ORDERS].get(key(command.restaurant_id, command.order_id))
    if order is not None and not is_held_by(order, command.holder):
        return reply_only(Answer("unknown_order"))
    if (replayed := idempotency.replay(state, command, now, reply_to)) is not None:
        return replayed
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
    stored = idempotency.store_key(command, answer, expires_at), idempotency.key_timer(command, expires_at)
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
        state_changes=(payments.owe_refund(order),) if order.paid else (),
    )
