"""evolve(state, fact) -> changes. A fact carries the resulting state, so most changes only store it."""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from schemas import facts
from schemas.commands import CASH
from schemas.facts import (
    CatalogChanged,
    Fact,
    OrderConfirmed,
    OrderCreated,
    OrderFailed,
    StockReleased,
    StockReserved,
)
from schemas.orders import FINAL, Order, order_of
from schemas.replies import Answer
from schemas.timestamps import EpochMs, Milliseconds, add_seconds, from_text
from streams.domain import cash_holds, deletions, eta, idempotency, order_facts, promotion_runs, retention
from streams.domain.decision import Decision, Policy
from streams.domain.order_machine import IN_KITCHEN_QUEUE
from streams.domain.state import Change, State, WritableState, set_timer
from tables.records import CatalogueSize, CustomerUsage, Kitchen, Timer
from tables.registry import (
    CATALOGUE_SIZES,
    CUSTOMER_USAGE,
    ITEMS,
    KITCHENS,
    ORDERS,
    PROMOTIONS,
    RESTAURANTS,
    STOCKS,
    key,
)

AnyChange = Change[Any]


def apply(state: WritableState, decision: Decision, policy: Policy) -> list[AnyChange]:
    """Fold a decision into the state, and return the changes that its facts made, in order.

    Each fact sees the state that the facts before it left. The decision's own state changes come last.
    """
    changes: list[AnyChange] = []
    for fact in decision.facts:
        for change in evolve(state, fact, policy):
            state.put(change)
            changes.append(change)
    for change in decision.state_changes:
        state.put(change)
    return changes


def evolve(state: State, fact: Fact, policy: Policy) -> list[AnyChange]:
    """Return what this fact changes, in order."""
    match fact:
        case OrderCreated():
            return [
                *_order(state, fact, order_of(fact), policy),
                *_kitchen(state, fact),
                *_idempotency(fact, None, policy),
            ]
        case StockReserved():
            return [*_stocks(state, fact, policy, sign=1), *_reservation_timer(state, fact, policy)]
        case StockReleased():
            return list(_stocks(state, fact, policy, sign=0 if fact.wasted else -1))
        case OrderConfirmed():
            answer = order_facts.answer_of(fact)
            return [
                *_order(state, fact, order_of(fact), policy),
                *_kitchen(state, fact),
                *_idempotency(fact, answer, policy),
                _preparation_timer(state, fact),
            ]
        case OrderFailed():
            answer = order_facts.answer_of(fact)
            return [
                *_order(state, fact, order_of(fact), policy),
                *_kitchen(state, fact),
                *_idempotency(fact, answer, policy),
            ]
        case facts.OrderStatusChanged() | facts.OrderCancelled():
            return [*_order(state, fact, order_of(fact), policy), *_kitchen(state, fact)]
        case facts.PaymentRefunded():
            return [*_order(state, fact, order_of(fact), policy)]
        case CatalogChanged():
            return [*_catalogue(fact, policy), *_deletion(state, fact), *_catalogue_size(state, fact, policy)]
        case facts.PortionsMoved():
            return [Change(STOCKS, key(fact.restaurant_id, item.sku), item.stock) for item in fact.items]


def _order(state: State, fact: Order, order: Order, policy: Policy) -> Iterator[AnyChange]:
    """Store the order, until it has ended for long enough, and count what it holds without money."""
    order_key = key(fact.restaurant_id, fact.order_id)
    yield Change(ORDERS, order_key, order)
    yield from retention.order_timer(order, policy)
    yield from cash_holds.changes(state, state[ORDERS].get(order_key), fact)


def _kitchen(state: State, fact: Order) -> Iterator[AnyChange]:
    """Count the order in or out of the kitchen's queue and of those that are not over; measure a preparation that ended."""
    before = state[ORDERS].get(key(fact.restaurant_id, fact.order_id))
    was_queued = before is not None and before.status in IN_KITCHEN_QUEUE
    is_queued = fact.status in IN_KITCHEN_QUEUE
    was_unfinished = before is not None and before.status not in FINAL
    is_unfinished = fact.status not in FINAL
    if was_queued == is_queued and was_unfinished == is_unfinished:
        return
    kitchen = state[KITCHENS].get(fact.restaurant_id, Kitchen())
    preparations = kitchen.preparations
    if before is not None and (before.status, fact.status) == ("preparing", "out_for_delivery"):
        took = Milliseconds(from_text(fact.updated_at) - from_text(before.updated_at))
        preparations = eta.record_preparation(preparations, took)
    after = replace(
        kitchen,
        open_orders=kitchen.open_orders + is_queued - was_queued,
        preparations=preparations,
        # earlier releases did not count them
        unfinished_orders=max(0, kitchen.unfinished_orders + is_unfinished - was_unfinished),
    )
    yield Change(KITCHENS, fact.restaurant_id, after)


def _stocks(
    state: State, fact: StockReserved | StockReleased, policy: Policy, sign: int
) -> Iterator[AnyChange]:
    """Store the stocks, and count a customer's use of promotions up (sign 1), down (-1) or not at all (0)."""
    usages: dict[str, CustomerUsage] = {}
    for item in fact.items:
        yield Change(STOCKS, key(fact.restaurant_id, item.sku), item.stock)
        if item.customer_id is None or item.promotion_id is None or sign == 0:
            continue
        usage_key = key(fact.restaurant_id, item.promotion_id, item.customer_id)
        promotion = state[PROMOTIONS].get(key(fact.restaurant_id, item.promotion_id))
        counted_from = promotion.counted_from if promotion else EpochMs(0)
        before = usages.get(usage_key) or state[CUSTOMER_USAGE].get(usage_key)
        is_of_run = before is not None and before.counted_from == counted_from
        portions = dict(before.portions) if before and is_of_run else {}
        portions[item.sku] = max(0, portions.get(item.sku, 0) + sign * item.quantity)
        if before is None or not is_of_run:
            yield from retention.usage_timer(
                state, fact.restaurant_id, item.promotion_id, item.customer_id, policy
            )
        usages[usage_key] = CustomerUsage(portions, counted_from)
    for usage_key, usage in usages.items():
        yield Change(CUSTOMER_USAGE, usage_key, usage)


def _idempotency(
    fact: OrderCreated | OrderConfirmed | OrderFailed, answer: Answer | None, policy: Policy
) -> Iterator[AnyChange]:
    if answer is None or isinstance(fact, OrderCreated):
        expires_at = add_seconds(from_text(fact.created_at), policy.idempotency_ttl_seconds)
        yield idempotency.store_key(fact, None, expires_at)  # it cannot expire: no timer yet
        return
    expires_at = retention.key_expires_at(fact, policy)
    yield idempotency.store_key(fact, answer, expires_at)
    if isinstance(fact, OrderConfirmed):  # the key of a refused order leaves with it
        yield idempotency.key_timer(fact, expires_at)


def _reservation_timer(state: State, fact: StockReserved, policy: Policy) -> Iterator[AnyChange]:
    order = state[ORDERS][key(fact.restaurant_id, fact.order_id)]
    if order.payment_method != CASH:
        due = add_seconds(from_text(fact.occurred_at), policy.reservation_seconds)
        yield set_timer(Timer("reservation", fact.restaurant_id, fact.order_id, due, order.payment_id))


def _preparation_timer(state: State, fact: OrderConfirmed) -> AnyChange:
    timeout_seconds = state[RESTAURANTS][fact.restaurant_id].preparation_timeout_seconds
    due = add_seconds(from_text(fact.occurred_at), timeout_seconds)
    return set_timer(Timer("preparation", fact.restaurant_id, fact.order_id, due, fact.payment_id))


def _catalogue(fact: CatalogChanged, policy: Policy) -> Iterator[AnyChange]:
    restaurant_id = fact.restaurant_id
    if fact.restaurant is not None:
        yield Change(RESTAURANTS, restaurant_id, fact.restaurant)
    if fact.item is not None:
        yield Change(ITEMS, key(restaurant_id, fact.item.sku), fact.item)
    if (promotion := fact.promotion) is not None:
        yield Change(PROMOTIONS, key(restaurant_id, promotion.promotion_id), promotion)
        retained_until = deletions.retention_ends(promotion, policy)
        for due in (EpochMs(promotion.starts_at), EpochMs(promotion.ends_at), retained_until):
            if due > from_text(fact.occurred_at):
                yield set_timer(Timer("promotion", restaurant_id, promotion.promotion_id, due))
    for stock in fact.stocks:
        yield Change(STOCKS, key(restaurant_id, stock.sku), stock)


def _deletion(state: State, fact: CatalogChanged) -> Iterator[AnyChange]:
    """Delete what the fact says, and what belongs to it."""
    restaurant_id = fact.restaurant_id
    if fact.deleted_restaurant:
        yield Change(RESTAURANTS, restaurant_id, None)
        yield Change(KITCHENS, restaurant_id, retention.kitchen_of_deleted(state, restaurant_id))
    if fact.deleted_item:
        yield Change(ITEMS, key(restaurant_id, fact.deleted_item), None)
        yield Change(STOCKS, key(restaurant_id, fact.deleted_item), None)
    if fact.deleted_promotion:
        yield Change(PROMOTIONS, key(restaurant_id, fact.deleted_promotion), None)


def _catalogue_size(state: State, fact: CatalogChanged, policy: Policy) -> Iterator[AnyChange]:
    """Count the items and promotions of which a restaurant may have only so many."""
    size = state[CATALOGUE_SIZES].get(fact.restaurant_id, CatalogueSize())
    if fact.item is not None and key(fact.restaurant_id, fact.item.sku) not in state[ITEMS]:
        yield Change(CATALOGUE_SIZES, fact.restaurant_id, replace(size, items=size.items + 1))
    if (promotion := fact.promotion) is not None:
        now = from_text(fact.occurred_at)
        promotions = promotion_runs.unretired(size.promotions, now, policy)
        promotions[promotion.promotion_id] = promotion.ends_at
        yield Change(CATALOGUE_SIZES, fact.restaurant_id, replace(size, promotions=promotions))
    if fact.is_deletion:
        yield Change(CATALOGUE_SIZES, fact.restaurant_id, deletions.count_deletion(state, size, fact))
