"""evolve(state, fact) -> changes: facts carry the resulting state, so most of it is putting it down."""

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from schemas.facts import (
    CatalogChanged,
    Fact,
    OrderCancelled,
    OrderConfirmed,
    OrderCreated,
    OrderFailed,
    OrderStatusChanged,
    PaymentRefunded,
    PortionsMoved,
    StockReleased,
    StockReserved,
)
from schemas.instants import to_milliseconds
from schemas.orders import Order, order_of
from schemas.replies import Answer
from streams.domain import answers, kitchen
from streams.domain.decision import Policy
from streams.domain.order_machine import IN_THE_KITCHEN
from streams.domain.ordering import CASH
from streams.domain.state import Change, State
from tables.records import Allowance, KeyEntry, Kitchen, Timer
from tables.registry import (
    ALLOWANCES,
    ITEMS,
    KEYS,
    KITCHENS,
    ORDERS,
    PROMOTIONS,
    RESTAURANTS,
    STOCKS,
    TIMERS,
    key,
    timer_key,
)


def evolve(state: State, fact: Fact, policy: Policy) -> list[Change]:
    """Return what this fact changes, in order."""
    match fact:
        case OrderCreated():
            return [_order(fact), *_answered(fact, None, policy)]
        case StockReserved():
            return [*_moved(state, fact, 1), *_reservation_timer(state, fact, policy)]
        case StockReleased():
            return list(_moved(state, fact, 0 if fact.wasted else -1))
        case OrderConfirmed():
            return [
                _order(fact),
                *_queue(state, fact),
                *_answered(fact, answers.confirmed(fact), policy),
                _preparation_timer(state, fact),
            ]
        case OrderFailed():
            return [_order(fact), *_answered(fact, answers.failed(fact), policy)]
        case OrderStatusChanged() | OrderCancelled():
            return [_order(fact), *_queue(state, fact)]
        case PaymentRefunded():
            return [_order(fact)]
        case CatalogChanged():
            return list(_catalogue(fact))
        case PortionsMoved():
            return [Change(STOCKS, key(fact.restaurant_id, item.sku), item.stock) for item in fact.items]


def _order(fact: Order) -> Change:
    return Change(ORDERS, key(fact.restaurant_id, fact.order_id), order_of(fact))


def _queue(state: State, fact: Order) -> Iterator[Change]:
    before = state.orders.get(key(fact.restaurant_id, fact.order_id))
    was = before is not None and before.status in IN_THE_KITCHEN
    now = fact.status in IN_THE_KITCHEN
    if was != now:
        queue = state.kitchens.get(fact.restaurant_id, Kitchen())
        measured = queue.preparations
        if before is not None and (before.status, fact.status) == ("preparing", "out_for_delivery"):
            measured = kitchen.remember(measured, _time(fact.updated_at) - _time(before.updated_at))
        open_orders = queue.open_orders + (1 if now else -1)
        yield Change(
            KITCHENS, fact.restaurant_id, replace(queue, open_orders=open_orders, preparations=measured)
        )


def _moved(state: State, fact: StockReserved | StockReleased, sign: int) -> Iterator[Change]:
    """Put the stocks down, and count what a customer has had of a promotion; sign 0 leaves the count."""
    allowances: dict[str, Allowance] = {}
    for item in fact.items:
        yield Change(STOCKS, key(fact.restaurant_id, item.sku), item.stock)
        if item.customer_id is None or item.promotion_id is None or sign == 0:
            continue
        allowance_key = key(fact.restaurant_id, item.promotion_id, item.customer_id)
        before = allowances.get(allowance_key) or state.allowances.get(allowance_key)
        if before is None and sign < 0:
            continue  # the promotion has no limit, so nothing was counted
        taken = dict(before.taken) if before else {}
        taken[item.sku] = max(0, taken.get(item.sku, 0) + sign * item.quantity)
        allowances[allowance_key] = Allowance(taken)
    for allowance_key, allowance in allowances.items():
        yield Change(ALLOWANCES, allowance_key, allowance)


def _answered(
    fact: OrderCreated | OrderConfirmed | OrderFailed, answer: Answer | None, policy: Policy
) -> Iterator[Change]:
    expires_at = _time(fact.created_at) + policy.idempotency_ttl_seconds * 1000
    entry = KeyEntry(
        request_fingerprint=fact.request_fingerprint,
        order_id=fact.order_id,
        answer=answer,
        expires_at=expires_at,
    )
    yield Change(KEYS, key(fact.restaurant_id, fact.idempotency_key_hash), entry)
    if answer is None:
        yield _timer(Timer("key", fact.restaurant_id, fact.idempotency_key_hash, expires_at))


def _reservation_timer(state: State, fact: StockReserved, policy: Policy) -> Iterator[Change]:
    order = state.orders[key(fact.restaurant_id, fact.order_id)]
    if order.payment_method != CASH:
        due = _time(fact.occurred_at) + policy.reservation_seconds * 1000
        yield _timer(Timer("reservation", fact.restaurant_id, fact.order_id, due))


def _preparation_timer(state: State, fact: OrderConfirmed) -> Change:
    seconds = state.restaurants[fact.restaurant_id].preparation_timeout_seconds
    due = _time(fact.occurred_at) + seconds * 1000
    return _timer(Timer("preparation", fact.restaurant_id, fact.order_id, due))


def _timer(timer: Timer) -> Change:
    return Change(TIMERS, timer_key(timer), timer)


def _time(instant: str) -> int:
    return to_milliseconds(datetime.fromisoformat(instant))


def _catalogue(fact: CatalogChanged) -> Iterator[Change]:
    restaurant_id = fact.restaurant_id
    if fact.restaurant is not None:
        yield Change(RESTAURANTS, restaurant_id, fact.restaurant)
    if fact.item is not None:
        yield Change(ITEMS, key(restaurant_id, fact.item.sku), fact.item)
    if (promotion := fact.promotion) is not None:
        yield Change(PROMOTIONS, key(restaurant_id, promotion.promotion_id), promotion)
        for due in (promotion.starts_at, promotion.ends_at):
            if due > _time(fact.occurred_at):
                yield _timer(Timer("promotion", restaurant_id, promotion.promotion_id, due))
    for stock in fact.stocks:
        yield Change(STOCKS, key(restaurant_id, stock.sku), stock)
