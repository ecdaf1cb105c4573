"""The projection: from a fact to the view writes that show it. Pure; the order of facts does not matter."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from schemas import instants, views
from schemas.catalogue import Stock
from schemas.facts import CatalogChanged, Fact, OrderConfirmed, OrderCreated, OrderFailed, StockReserved
from schemas.orders import Order
from schemas.views import Window

_encode = msgspec.json.Encoder().encode


class ViewWrite(Struct, frozen=True):
    """Set a field of a view, unless it holds that version or a later one."""

    key: str
    field: str
    version: int
    value: bytes
    expires_at: int = 0  # when the key goes, seconds since 1970, the latest counts; 0: never


def project(fact: Fact, partition: int) -> list[ViewWrite]:
    """Return the writes that show this fact, read from this partition."""
    return _PROJECTIONS[type(fact)](fact, partition)


def _order_created(fact: OrderCreated, partition: int) -> list[ViewWrite]:
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
    return _order(order)


def _order_confirmed(fact: OrderConfirmed, partition: int) -> list[ViewWrite]:
    order = Order(
        order_id=fact.order_id,
        restaurant_id=fact.restaurant_id,
        status=fact.status,
        items=fact.items,
        total=fact.total,
        payment_method=fact.payment_method,
        idempotency_key_hash=fact.idempotency_key_hash,
        created_at=fact.created_at,
        updated_at=fact.occurred_at,
        version=fact.version,
        eta=fact.eta,
    )
    return _order(order)


def _order_failed(fact: OrderFailed, partition: int) -> list[ViewWrite]:
    order = Order(
        order_id=fact.order_id,
        restaurant_id=fact.restaurant_id,
        status=fact.status,
        items=fact.items,
        total=fact.total,
        payment_method=fact.payment_method,
        idempotency_key_hash=fact.idempotency_key_hash,
        created_at=fact.created_at,
        updated_at=fact.occurred_at,
        version=fact.version,
        reason=fact.reason,
        shortages=fact.shortages,
    )
    return _order(order)


def _stock_reserved(fact: StockReserved, partition: int) -> list[ViewWrite]:
    key = views.menu(fact.restaurant_id)
    return [_stock(key, item.stock) for item in fact.items]


def _catalog_changed(fact: CatalogChanged, partition: int) -> list[ViewWrite]:
    key = views.menu(fact.restaurant_id)
    writes = [_stock(key, stock) for stock in fact.stocks]
    if (restaurant := fact.restaurant) is not None:
        profile = _encode(restaurant)
        writes += [
            ViewWrite(key, views.RESTAURANT, restaurant.version, profile),
            ViewWrite(key, views.PARTITION, restaurant.version, _encode(partition)),
            ViewWrite(views.RESTAURANTS, restaurant.restaurant_id, restaurant.version, profile),
        ]
    if (item := fact.item) is not None:
        writes.append(ViewWrite(key, views.ITEM + item.sku, item.version, _encode(item)))
    if (promotion := fact.promotion) is not None:
        window = _encode(Window(promotion.starts_at, promotion.ends_at))
        name = f"{fact.restaurant_id}/{promotion.promotion_id}"
        writes += [
            ViewWrite(key, views.PROMOTION + promotion.promotion_id, promotion.version, _encode(promotion)),
            ViewWrite(views.PROMOTIONS, name, promotion.version, window),
        ]
    return writes


def _order(order: Order) -> list[ViewWrite]:
    """Return the order as it is now, and when it got this status: the history keeps one line of each."""
    key = views.order(order.order_id)
    changed_at = instants.to_milliseconds(datetime.fromisoformat(order.updated_at)) // 1000
    expires_at = changed_at + views.ORDER_SECONDS
    return [
        ViewWrite(key, views.ORDER, order.version, _encode(order), expires_at),
        ViewWrite(key, views.STATUS + order.status, order.version, _encode(order.updated_at), expires_at),
    ]


def _stock(key: str, stock: Stock) -> ViewWrite:
    return ViewWrite(key, views.STOCK + stock.sku, stock.version, _encode(stock))


_PROJECTIONS: dict[type, Callable[[Any, int], list[ViewWrite]]] = {
    OrderCreated: _order_created,
    OrderConfirmed: _order_confirmed,
    OrderFailed: _order_failed,
    StockReserved: _stock_reserved,
    CatalogChanged: _catalog_changed,
}
