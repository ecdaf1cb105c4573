"""The projection: from a fact to the view writes that show it. Pure; the order of facts does not matter."""

from datetime import datetime

import msgspec
from msgspec import Struct

from schemas import instants, views
from schemas.catalogue import Stock
from schemas.facts import (
    CatalogChanged,
    Fact,
    OrderCreated,
    PaymentRefunded,
    PortionsMoved,
    StockReleased,
    StockReserved,
)
from schemas.orders import FINAL, Order, order_of
from schemas.views import Window

_encode = msgspec.json.Encoder().encode


class ViewWrite(Struct, frozen=True):
    """Set a field of a view, unless it holds that version or a later one."""

    key: str
    field: str
    version: int
    value: bytes
    expires_at: int = 0  # when the key goes, seconds since 1970, the latest counts; 0: never
    feed: str = ""  # the restaurant whose feed tells of it
    references: tuple[str, ...] = ()  # what the feed says has changed
    listed: str = ""  # the order that comes on the restaurant's board with it, or goes
    listed_until: int = 0  # seconds since 1970; 0: it goes


def project(fact: Fact, partition: int) -> list[ViewWrite]:
    """Return the writes that show this fact, read from this partition."""
    match fact:
        case CatalogChanged():
            return _catalogue(fact, partition)
        case StockReserved() | StockReleased() | PortionsMoved():
            return [_stock(fact.restaurant_id, item.stock, fact.bucket or 0) for item in fact.items]
        case PaymentRefunded():
            return [_order(order_of(fact))]  # money moves, the status does not
        case _:
            order = order_of(fact)
            writes = [_order(order), _status(order)]
            if isinstance(fact, OrderCreated) and fact.personal is not None:
                writes.append(_personal(order, fact.personal))
            return writes


def _catalogue(fact: CatalogChanged, partition: int) -> list[ViewWrite]:
    key, feed, changed = views.menu(fact.restaurant_id), fact.restaurant_id, (views.MENU_REFERENCE,)
    writes = [_stock(fact.restaurant_id, stock) for stock in fact.stocks]
    if (restaurant := fact.restaurant) is not None:
        profile = _encode(restaurant)
        writes += [
            ViewWrite(key, views.RESTAURANT, restaurant.version, profile, feed=feed, references=changed),
            ViewWrite(key, views.PARTITION, restaurant.version, _encode(partition)),
            ViewWrite(views.RESTAURANTS, restaurant.restaurant_id, restaurant.version, profile),
        ]
    if (item := fact.item) is not None:
        field = views.ITEM + item.sku
        writes.append(ViewWrite(key, field, item.version, _encode(item), feed=feed, references=changed))
    if (promotion := fact.promotion) is not None:
        window = _encode(Window(promotion.starts_at, promotion.ends_at))
        name = f"{fact.restaurant_id}/{promotion.promotion_id}"
        field, shown = views.PROMOTION + promotion.promotion_id, _encode(promotion)
        writes += [
            ViewWrite(key, field, promotion.version, shown, feed=feed, references=changed),
            ViewWrite(views.PROMOTIONS, name, promotion.version, window),
        ]
    return writes


def _order(order: Order) -> ViewWrite:
    return ViewWrite(
        views.order(order.order_id),
        views.ORDER,
        order.version,
        _encode(order),
        _expires_at(order),
        feed=order.restaurant_id,
        references=(views.ORDER_REFERENCE + order.order_id,),
        listed=order.order_id,
        listed_until=_listed_until(order),
    )


def _status(order: Order) -> ViewWrite:
    """Return when the order got this status: the history keeps one line of each."""
    return ViewWrite(
        views.order(order.order_id),
        views.STATUS + order.status,
        order.version,
        _encode(order.updated_at),
        _expires_at(order),
        feed=order.restaurant_id,
        references=(views.ORDER_REFERENCE + order.order_id,),
    )


def _listed_until(order: Order) -> int:
    """Return until when a board may show the order: while it is open, and a while after it has ended.

    What was refused was never on the board. An order that waits for its payment is listed, since it holds portions.
    """
    if order.status not in FINAL:
        return _expires_at(order)
    return _changed_at(order) + views.BOARD_SECONDS if order.eta is not None else 0


def _personal(order: Order, sealed: bytes) -> ViewWrite:
    """Return what only ingress can open, and nobody once the order is forgotten."""
    return ViewWrite(
        views.order(order.order_id), views.PERSONAL, order.version, _encode(sealed), _expires_at(order)
    )


def _expires_at(order: Order) -> int:
    return _changed_at(order) + views.ORDER_SECONDS


def _changed_at(order: Order) -> int:
    return instants.to_milliseconds(datetime.fromisoformat(order.updated_at)) // 1000


def _stock(restaurant_id: str, stock: Stock, bucket: int = 0) -> ViewWrite:
    return ViewWrite(
        views.menu(restaurant_id),
        views.stock(stock.sku, bucket),
        stock.version,
        _encode(stock),
        feed=restaurant_id,
        references=(views.STOCK_REFERENCE + stock.sku,),
    )
