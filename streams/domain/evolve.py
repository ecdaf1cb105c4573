"""evolve(state, fact) -> changes: facts carry the resulting state, so most of it is putting it down."""

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from schemas.facts import (
    CatalogChanged,
    Fact,
    OrderConfirmed,
    OrderCreated,
    OrderFailed,
    StockReserved,
)
from schemas.instants import to_milliseconds
from schemas.orders import Order
from schemas.replies import Answer
from streams.domain import answers
from streams.domain.state import Change, State
from tables.records import Allowance, KeyEntry, Kitchen
from tables.registry import (
    ALLOWANCES,
    ITEMS,
    KEYS,
    KITCHENS,
    ORDERS,
    PROMOTIONS,
    RESTAURANTS,
    STOCKS,
    key,
)


def evolve(state: State, fact: Fact, idempotency_ttl_seconds: int) -> list[Change]:
    """Return what this fact changes, in order."""
    match fact:
        case OrderCreated():
            return [_created(fact)]
        case StockReserved():
            return list(_reserved(state, fact))
        case OrderConfirmed():
            queue = state.kitchens.get(fact.restaurant_id, Kitchen())
            return [
                Change(ORDERS, key(fact.restaurant_id, fact.order_id), answers.order_of(fact)),
                Change(KITCHENS, fact.restaurant_id, replace(queue, open_orders=queue.open_orders + 1)),
                _answered(fact, answers.confirmed(fact), idempotency_ttl_seconds),
            ]
        case OrderFailed():
            return [
                Change(ORDERS, key(fact.restaurant_id, fact.order_id), answers.order_of(fact)),
                _answered(fact, answers.failed(fact), idempotency_ttl_seconds),
            ]
        case CatalogChanged():
            return list(_catalogue(fact))


def _created(fact: OrderCreated) -> Change:
    order = Order(
        order_id=fact.order_id,
        restaurant_id=fact.restaurant_id,
        status=fact.status,
        items=fact.items,
        total=fact.total,
        payment_method=fact.payment_method,
        idempotency_key_hash=fact.idempotency_key_hash,
        created_at=fact.occurred_at,
        updated_at=fact.occurred_at,
        version=fact.version,
    )
    return Change(ORDERS, key(fact.restaurant_id, fact.order_id), order)


def _reserved(state: State, fact: StockReserved) -> Iterator[Change]:
    allowances: dict[str, Allowance] = {}
    for item in fact.items:
        yield Change(STOCKS, key(fact.restaurant_id, item.sku), item.stock)
        if item.customer_id is None or item.promotion_id is None:
            continue
        allowance_key = key(fact.restaurant_id, item.promotion_id, item.customer_id)
        before = allowances.get(allowance_key) or state.allowances.get(allowance_key) or Allowance()
        taken = {**before.taken, item.sku: before.taken.get(item.sku, 0) + item.quantity}
        allowances[allowance_key] = replace(before, taken=taken)
    for allowance_key, allowance in allowances.items():
        yield Change(ALLOWANCES, allowance_key, allowance)


def _answered(fact: OrderConfirmed | OrderFailed, answer: Answer, ttl_seconds: int) -> Change:
    decided_at = to_milliseconds(datetime.fromisoformat(fact.occurred_at))
    entry = KeyEntry(
        request_fingerprint=fact.request_fingerprint,
        order_id=fact.order_id,
        answer=answer,
        expires_at=decided_at + ttl_seconds * 1000,
    )
    return Change(KEYS, key(fact.restaurant_id, fact.idempotency_key_hash), entry)


def _catalogue(fact: CatalogChanged) -> Iterator[Change]:
    restaurant_id = fact.restaurant_id
    if fact.restaurant is not None:
        yield Change(RESTAURANTS, restaurant_id, fact.restaurant)
    if fact.item is not None:
        yield Change(ITEMS, key(restaurant_id, fact.item.sku), fact.item)
    if fact.promotion is not None:
        yield Change(PROMOTIONS, key(restaurant_id, fact.promotion.promotion_id), fact.promotion)
    for stock in fact.stocks:
        yield Change(STOCKS, key(restaurant_id, stock.sku), stock)
