"""The projection: from a fact to the view writes that show it. Pure; the order of facts does not matter."""

from datetime import datetime

import msgspec
from msgspec import Struct

from schemas import instants, views
from schemas.catalogue import Stock
from schemas.facts import CatalogChanged, Fact, PaymentRefunded, StockReleased, StockReserved
from schemas.orders import Order, order_of
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
    match fact:
        case CatalogChanged():
            return _catalogue(fact, partition)
        case StockReserved() | StockReleased():
            return [_stock(views.menu(fact.restaurant_id), item.stock) for item in fact.items]
        case PaymentRefunded():
            return [_order(order_of(fact))]  # money moves, the status does not
        case _:
            order = order_of(fact)
            return [_order(order), _status(order)]


def _catalogue(fact: CatalogChanged, partition: int) -> list[ViewWrite]:
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


def _order(order: Order) -> ViewWrite:
    return ViewWrite(
        views.order(order.order_id), views.ORDER, order.version, _encode(order), _expires_at(order)
    )


def _status(order: Order) -> ViewWrite:
    """Return when the order got this status: the history keeps one line of each."""
    field, at = views.STATUS + order.status, _encode(order.updated_at)
    return ViewWrite(views.order(order.order_id), field, order.version, at, _expires_at(order))


def _expires_at(order: Order) -> int:
    changed_at = instants.to_milliseconds(datetime.fromisoformat(order.updated_at)) // 1000
    return changed_at + views.ORDER_SECONDS


def _stock(key: str, stock: Stock) -> ViewWrite:
    return ViewWrite(key, views.STOCK + stock.sku, stock.version, _encode(stock))
