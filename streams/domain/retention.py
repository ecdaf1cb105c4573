"""What leaves the state, and when: an ended order with its key, and a customer's usage of a promotion that is over.

The facts keep every order. Its id may then name another order, of another request under the same key: whose payment
has an id of its own, and whose versions go on above those of every order that has left.
"""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from schemas.facts import OrderConfirmed, OrderFailed
from schemas.orders import FINAL, Order, is_refused
from schemas.timestamps import EpochMs, add_seconds, from_text
from streams.domain import promotion_runs
from streams.domain.decision import Policy
from streams.domain.state import Change, State, set_timer
from tables.records import Kitchen, Timer
from tables.registry import (
    CUSTOMER_USAGE,
    IDEMPOTENCY_KEYS,
    KITCHENS,
    ORDERS,
    OWED_REFUNDS,
    PROMOTIONS,
    SEPARATOR,
    key,
)

#: How much later an order is looked at again whose refund the provider has not answered.
OWED_SECONDS = 3_600


def key_expires_at(fact: OrderConfirmed | OrderFailed, policy: Policy) -> EpochMs:
    """Return until when the answer of a decided order is replayed: that of a refused one leaves with the order."""
    expires_at = add_seconds(from_text(fact.created_at), policy.idempotency_ttl_seconds)
    return min(expires_at, _leaves_at(fact, policy)) if is_refused(fact) else expires_at


def order_timer(order: Order, policy: Policy) -> Iterator[Change[Timer]]:
    """Yield the change that sets the timer of an order that has ended."""
    if order.status in FINAL:
        yield _order_timer(order, _leaves_at(order, policy))


def delete_order(state: State, order: Order, now: EpochMs, policy: Policy) -> tuple[Change[Any], ...]:
    """Return the changes that delete an order at its time, and its key; later, while its refund is not answered."""
    if order.status not in FINAL or now < _leaves_at(order, policy):
        return ()  # it has changed since, and has a later timer
    subject = key(order.restaurant_id, order.order_id)
    if subject in state[OWED_REFUNDS] or (order.refund is not None and order.refund.status == "pending"):
        return (_order_timer(order, add_seconds(now, OWED_SECONDS)),)
    key_subject = key(order.restaurant_id, order.idempotency_key_hash)
    changes: list[Change[Any]] = [Change(ORDERS, subject, None), Change(IDEMPOTENCY_KEYS, key_subject, None)]
    kitchen = state[KITCHENS].get(order.restaurant_id, Kitchen())
    if order.version > kitchen.deleted_version:
        changes.append(Change(KITCHENS, order.restaurant_id, replace(kitchen, deleted_version=order.version)))
    return tuple(changes)


def first_version(state: State, restaurant_id: str) -> int:
    """Return the version that a new order of this restaurant begins with: no order that has left has had it."""
    return state[KITCHENS].get(restaurant_id, Kitchen()).deleted_version + 1


def kitchen_of_deleted(state: State, restaurant_id: str) -> Kitchen | None:
    """Return what stays of a deleted restaurant's kitchen: the versions of its orders go on if it is put again."""
    deleted_version = state[KITCHENS].get(restaurant_id, Kitchen()).deleted_version
    return Kitchen(deleted_version=deleted_version) if deleted_version else None


def usage_timer(
    state: State, restaurant_id: str, promotion_id: str, customer_id: str, policy: Policy
) -> Iterator[Change[Timer]]:
    """Yield the change that sets the timer of a customer's usage of a promotion: when the promotion retires."""
    promotion = state[PROMOTIONS].get(key(restaurant_id, promotion_id))
    if promotion is not None:
        due = add_seconds(promotion.ends_at, policy.promotion_retirement_seconds)
        yield set_timer(Timer("usage", restaurant_id, SEPARATOR.join((promotion_id, customer_id)), due))


def delete_usage(state: State, timer: Timer, now: EpochMs, policy: Policy) -> tuple[Change[Any], ...]:
    """Return the change that deletes a customer's usage; a later timer if the promotion goes on."""
    promotion_id, _, customer_id = timer.subject.partition(SEPARATOR)
    subject = key(timer.restaurant_id, promotion_id, customer_id)
    usage = state[CUSTOMER_USAGE].get(subject)
    promotion = state[PROMOTIONS].get(key(timer.restaurant_id, promotion_id))
    if usage is None:
        return ()
    if (
        promotion is None
        or promotion_runs.is_retired(promotion, now, policy)
        or usage.counted_from != promotion.counted_from  # of an earlier run
    ):
        return (Change(CUSTOMER_USAGE, subject, None),)
    return tuple(usage_timer(state, timer.restaurant_id, promotion_id, customer_id, policy))


def _leaves_at(order: Order, policy: Policy) -> EpochMs:
    """Return when an ended order leaves the state: one that the restaurant had, not before its key does."""
    changed_at = from_text(order.updated_at)
    if is_refused(order):
        return add_seconds(changed_at, policy.refusal_retention_seconds)
    expires_at = add_seconds(from_text(order.created_at), policy.idempotency_ttl_seconds)
    return max(expires_at, add_seconds(changed_at, policy.order_retention_seconds))


def _order_timer(order: Order, due: EpochMs) -> Change[Timer]:
    return set_timer(Timer("retention", order.restaurant_id, order.order_id, due, order.payment_id))
