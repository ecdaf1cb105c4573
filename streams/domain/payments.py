"""The payment of an order: what the provider answered, and what happens if it does not answer in time."""

from typing import Any

from msgspec.structs import replace

from schemas.codec import ReplyAddress
from schemas.commands import PaymentResult
from schemas.orders import Order, Reason
from schemas.payments import PaymentRequest
from schemas.replies import Answer, Reply
from schemas.timestamps import EpochMs
from streams.domain import order_facts, place_order, reservation
from streams.domain.decision import Decision
from streams.domain.state import Change, State
from tables.records import OwedRefund
from tables.registry import IDEMPOTENCY_KEYS, ORDERS, OWED_REFUNDS, PENDING_REPLIES, RESTAURANTS, key

NOTHING = Decision()


def payment_result(state: State, command: PaymentResult, now: EpochMs) -> Decision:
    """Confirm the order, or fail it and release its portions; a decided order stays as it is."""
    order = state[ORDERS].get(key(command.restaurant_id, command.order_id))
    if order is None or (command.payment_id or command.order_id) != (order.payment_id or order.order_id):
        return NOTHING  # no order has this payment, or another life of it had
    if command.kind == "refund":
        decision = _refunded(order, now) if command.outcome == "refunded" else NOTHING
        answered = Change(OWED_REFUNDS, key(order.restaurant_id, order.order_id), None)
        return replace(decision, state_changes=(answered,))
    if order.status != "pending":
        return NOTHING  # a repeat, or too late: then the refund that was requested takes it back
    if order.restaurant_id not in state[RESTAURANTS]:
        # deleted with an open order that an earlier release did not count
        return fail_and_release(state, order, now, "restaurant", revoke_payment=True)
    if command.outcome == "authorised":
        paid = replace(order, payment_reference=command.reference)
        confirmed = place_order.confirm(state, paid, _fingerprint(state, order), now, paid=True)
        replies, changes = replies_to_pending(
            state, order.restaurant_id, order.order_id, order_facts.answer_of(confirmed)
        )
        return Decision((confirmed,), deferred_replies=replies, state_changes=changes)
    return fail_and_release(state, order, now, "payment_declined")


def reservation_expires(state: State, order: Order, now: EpochMs) -> Decision:
    """Fail the order; the provider must take back whatever it may have authorised."""
    return fail_and_release(state, order, now, "payment_timeout", revoke_payment=True)


def fail_and_release(
    state: State, order: Order, now: EpochMs, reason: Reason, *, revoke_payment: bool = False
) -> Decision:
    """Fail a pending order, release its portions, and answer the callers that wait for it."""
    failed = order_facts.failed(
        order,
        now,
        reason,
        skus=[],
        shortages=[],
        request_fingerprint=_fingerprint(state, order),
        limits=[],
        cash_limits=[],
    )
    replies, changes = replies_to_pending(
        state, order.restaurant_id, order.order_id, order_facts.answer_of(failed)
    )
    return Decision(
        (failed, reservation.released(state, order, now, wasted=False)),
        deferred_replies=replies,
        payment_requests=(refund_request(order),) if revoke_payment else (),
        state_changes=(*changes, owe_refund(order)) if revoke_payment else changes,
    )


def refund_request(order: Order) -> PaymentRequest:
    """Return the request that makes sure that no payment of this order stands.

    It names the authorisation that it returns, where the provider has answered with one.
    """
    return PaymentRequest(
        restaurant_id=order.restaurant_id,
        order_id=order.order_id,
        kind="refund",
        amount=order.total,
        method=order.payment_method,
        payment_id=order.payment_id,
        reference=order.payment_reference,
    )


def owe_refund(order: Order) -> Change[OwedRefund]:
    """Return the change that keeps the order in the state until the provider has answered its refund."""
    owed = OwedRefund(order.payment_id)
    return Change(OWED_REFUNDS, key(order.restaurant_id, order.order_id), owed)


def replies_to_pending(
    state: State, restaurant_id: str, order_id: str, answer: Answer
) -> tuple[tuple[tuple[ReplyAddress, Reply], ...], tuple[Change[Any], ...]]:
    """Return replies to all callers that wait for this order, and the change that removes their addresses.

    All but the first caller get a replay.
    """
    pending_key = key(restaurant_id, order_id)
    pending = state[PENDING_REPLIES].get(pending_key)
    if pending is None:
        return (), ()
    replies = tuple((address, Reply(answer, replayed=i > 0)) for i, address in enumerate(pending.addresses))
    return replies, (Change(PENDING_REPLIES, pending_key, None),)


def _fingerprint(state: State, order: Order) -> str:
    record = state[IDEMPOTENCY_KEYS].get(key(order.restaurant_id, order.idempotency_key_hash))
    return record.request_fingerprint if record else ""


def _refunded(order: Order, now: EpochMs) -> Decision:
    if order.status != "cancelled" or (order.refund is not None and order.refund.status == "refunded"):
        return NOTHING
    return Decision((order_facts.refunded(order, now),))
