"""The projection: from a fact to the view writes that show it. Pure.

The order of facts does not matter, nor does repetition: of each field the greatest version wins.
"""

import msgspec
from msgspec import Struct

from schemas import timestamps, view_keys
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
from schemas.orders import FINAL, Order, is_refused, order_of
from schemas.view_keys import Window

_encode = msgspec.json.Encoder().encode


class ViewWrite(Struct, frozen=True):
    """Sets a field of a view to a value of a version, unless the field has that version or a later one."""

    key: str
    field: str
    version: int
    value: bytes
    expires_at: int = 0  # when the key expires, in seconds since 1970, the latest counts; 0: never
    drop_at: int = 0  # an earlier expiry of the key, if this is its newest version; 0: none
    feed: str = ""  # the restaurant whose feed announces the change
    references: tuple[str, ...] = ()  # what the feed says has changed
    listed: str = ""  # the order that the restaurant's board lists from now on, or no longer
    listed_until: int = 0  # in seconds since 1970; 0: no longer


def project(fact: Fact, partition: int) -> list[ViewWrite]:
    """Return the writes that show this fact, which was read from this partition."""
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
    key, feed, changed = view_keys.menu(fact.restaurant_id), fact.restaurant_id, (view_keys.MENU_REFERENCE,)
    writes = [_stock(fact.restaurant_id, stock) for stock in fact.stocks]
    if (restaurant := fact.restaurant) is not None:
        profile = _encode(restaurant)
        writes += [
            ViewWrite(key, view_keys.RESTAURANT, restaurant.version, profile, feed=feed, references=changed),
            ViewWrite(key, view_keys.PARTITION, restaurant.version, _encode(partition)),
            ViewWrite(view_keys.RESTAURANTS, restaurant.restaurant_id, restaurant.version, profile),
        ]
    if (item := fact.item) is not None:
        field = view_keys.ITEM + item.sku
        writes.append(ViewWrite(key, field, item.version, _encode(item), feed=feed, references=changed))
    if (promotion := fact.promotion) is not None:
        window = _encode(Window(promotion.starts_at, promotion.ends_at))
        name = f"{fact.restaurant_id}/{promotion.promotion_id}"
        field, shown = view_keys.PROMOTION + promotion.promotion_id, _encode(promotion)
        writes += [
            ViewWrite(key, field, promotion.version, shown, feed=feed, references=changed),
            ViewWrite(view_keys.PROMOTIONS, name, promotion.version, window),
        ]
    return writes


def _order(order: Order) -> ViewWrite:
    return _order_field(order, view_keys.ORDER, order, order.order_id, _listed_until(order))


def _status(order: Order) -> ViewWrite:
    """Return the write of the instant at which the order got its status: the history has one of each."""
    return _order_field(order, view_keys.STATUS + order.status, order.updated_at)


def _order_field(
    order: Order, field: str, value: object, listed: str = "", listed_until: int = 0
) -> ViewWrite:
    return ViewWrite(
        view_keys.order(order.order_id),
        field,
        order.version,
        _encode(value),
        _expires_at(order),
        _changed_at(order) + view_keys.REFUSED_ORDER_TTL_SECONDS if is_refused(order) else 0,
        feed=order.restaurant_id,
        references=(view_keys.ORDER_REFERENCE + order.order_id,),
        listed=listed,
        listed_until=listed_until,
    )


def _listed_until(order: Order) -> int:
    """Return until when a board lists the order, in seconds since 1970: while it is open, and for a time after.

    A refused order is never listed. One that waits for its payment is listed, since it has reserved portions.
    """
    if order.status not in FINAL:
        return _expires_at(order)
    return _changed_at(order) + view_keys.BOARD_TTL_SECONDS if order.eta is not None else 0


def _personal(order: Order, sealed: bytes) -> ViewWrite:
    """Return the write of the sealed personal data, which only ingress can open, and only until it is erased."""
    field, expires_at = view_keys.PERSONAL, _expires_at(order)
    return ViewWrite(view_keys.order(order.order_id), field, order.version, _encode(sealed), expires_at)


def _expires_at(order: Order) -> int:
    return _changed_at(order) + view_keys.ORDER_TTL_SECONDS


def _changed_at(order: Order) -> int:
    return timestamps.from_text(order.updated_at) // 1000


def _stock(restaurant_id: str, stock: Stock, bucket: int = 0) -> ViewWrite:
    return ViewWrite(
        view_keys.menu(restaurant_id),
        view_keys.stock(stock.sku, bucket),
        stock.version,
        _encode(stock),
        feed=restaurant_id,
        references=(view_keys.STOCK_REFERENCE + stock.sku,),
    )
