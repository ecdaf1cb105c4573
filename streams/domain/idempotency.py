"""Idempotency keys: a repeated request gets the first answer, or waits for it (DECISIONS.md, dedup-in-the-stream)."""

from schemas import identity
from schemas.codec import ReplyAddress
from schemas.commands import CancelOrder, PlaceOrder
from schemas.facts import OrderConfirmed, OrderCreated, OrderFailed
from schemas.orders import Order
from schemas.replies import Answer, Reply
from schemas.timestamps import EpochMs
from streams.domain.decision import Decision, reply_only
from streams.domain.state import Change, State, set_timer
from tables.records import IdempotencyRecord, PendingReplies, Timer
from tables.registry import IDEMPOTENCY_KEYS, ORDERS, PENDING_REPLIES, key

#: Callers of one order that get a reply when its payment is decided; earlier ones have timed out long before.
MAX_PENDING_REPLIES = 50

#: What names a restaurant, an order, a key and the fingerprint of the request.
KeyedRequest = PlaceOrder | CancelOrder | OrderCreated | OrderConfirmed | OrderFailed


def replay(
    state: State, command: PlaceOrder | CancelOrder, now: EpochMs, reply_to: ReplyAddress | None
) -> Decision | None:
    """Return the decision of a request whose key is known; None if it is new.

    The caller gets the stored answer, or waits for it. After its time, the key of an order that is still stored is
    refused: an order id names one life.
    """
    record = state[IDEMPOTENCY_KEYS].get(key(command.restaurant_id, command.idempotency_key_hash))
    order = state[ORDERS].get(key(command.restaurant_id, command.order_id))
    if record is None or record.has_expired(now) or _is_of_another_life(record, order):
        is_ended = order is not None and isinstance(command, PlaceOrder)
        return reply_only(Answer("key_reused")) if is_ended else None
    given = [command.request_fingerprint]
    if isinstance(command, PlaceOrder) and command.earlier_fingerprint is not None:
        given.append(command.earlier_fingerprint)
    if not any(identity.is_same_request(record.request_fingerprint, one) for one in given):
        return reply_only(Answer("key_reused"))
    if record.answer is not None:
        return Decision(reply=Reply(record.answer, replayed=True))
    return Decision(state_changes=add_pending_reply(state, command.restaurant_id, record.order_id, reply_to))


def _is_of_another_life(record: IdempotencyRecord, order: Order | None) -> bool:
    """Return True for a cancellation of an order that is no longer stored, whose id has another life."""
    answered = record.answer.order if record.answer else None
    return order is not None and answered is not None and answered.payment_id != order.payment_id


def add_pending_reply(
    state: State, restaurant_id: str, order_id: str, reply_to: ReplyAddress | None
) -> tuple[Change[PendingReplies], ...]:
    """Return the change that adds a caller to those who wait for an order; none without a caller."""
    if reply_to is None:
        return ()
    pending_key = key(restaurant_id, order_id)
    before = state[PENDING_REPLIES].get(pending_key, PendingReplies([]))
    addresses = [*before.addresses, reply_to][-MAX_PENDING_REPLIES:]
    return (Change(PENDING_REPLIES, pending_key, PendingReplies(addresses)),)


def store_key(request: KeyedRequest, answer: Answer | None, expires_at: EpochMs) -> Change[IdempotencyRecord]:
    """Return the change that stores a request's key with its answer; None: the outcome is not known yet."""
    record = IdempotencyRecord(request.request_fingerprint, request.order_id, answer, expires_at)
    return Change(IDEMPOTENCY_KEYS, key(request.restaurant_id, request.idempotency_key_hash), record)


def key_timer(request: KeyedRequest, expires_at: EpochMs) -> Change[Timer]:
    """Return the change that sets the timer which deletes a request's key."""
    return set_timer(Timer("key", request.restaurant_id, request.idempotency_key_hash, expires_at))
