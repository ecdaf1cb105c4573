"""The projection: from a fact to the view writes that show it. Pure.

The order of facts of different topics does not matter, nor does repetition: of each field the greatest version wins. The
facts of one topic come in its order, since a deletion leaves no trace of the field that it deletes.
"""

from functools import lru_cache

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
    """Sets a field of a view to a value of a version, or deletes it, unless it has that version or a later one."""

    key: str
    field: str
    version: int
    value: bytes | None  # None: deletes the field
    expires_at: int = 0  # when the key expires, in seconds since 1970, the latest counts; 0: never
    drop_at: int = 0  # an earlier expiry of the key, if this is its newest version; 0: none
    feed: str = ""  # the restaurant whose feed announces the change
    references: tuple[str, ...] = ()  # what the feed says has changed
    listed: str = ""  # the order that the restaurant's board lists from now on, or no longer
    listed_until: int = 0  # in seconds since 1970; 0: no longer
    owner: str = ""  # the restaurant whose deletions may have deleted the field; empty: it is never deleted


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
    owner = fact.restaurant_id
    key = view_keys.menu(owner)
    writes = [_stock(fact.restaurant_id, stock) for stock in fact.stocks]
    if (restaurant := fact.restaurant) is not None:
        profile = _encode(restaurant)
        writes += [
            _field(fact, view_keys.RESTAURANT, restaurant.version, profile),
            ViewWrite(key, view_keys.PARTITION, restaurant.version, _encode(partition), owner=owner),
            ViewWrite(view_keys.RESTAURANTS, owner, restaurant.version, profile, owner=owner),
        ]
    if (item := fact.item) is not None:
        writes.append(_field(fact, view_keys.ITEM + item.sku, item.version, _encode(item)))
    if (promotion := fact.promotion) is not None:
        window = _encode(Window(promotion.starts_at, promotion.ends_at))
        name, shown = f"{owner}/{promotion.promotion_id}", _encode(promotion)
        writes += [
            _field(fact, view_keys.PROMOTION + promotion.promotion_id, promotion.version, shown),
            ViewWrite(view_keys.PROMOTIONS, name, promotion.version, window, owner=owner),
        ]
    return writes + _deletions(fact)


def _deletions(fact: CatalogChanged) -> list[ViewWrite]:
    """Return the writes that delete what the fact says from every view that shows it."""
    writes, owner, version = [], fact.restaurant_id, fact.version
    if fact.deleted_restaurant:
        writes += [
            _field(fact, view_keys.RESTAURANT, version, None),
            ViewWrite(view_keys.menu(owner), view_keys.PARTITION, version, None, owner=owner),
            ViewWrite(view_keys.RESTAURANTS, owner, version, None, owner=owner),
        ]
    if fact.deleted_item:
        writes += [
            _field(fact, view_keys.ITEM + fact.deleted_item, version, None),
            _stock_field(owner, view_keys.stock(fact.deleted_item), version, None, fact.deleted_item),
        ]
    if fact.deleted_promotion:
        name = f"{owner}/{fact.deleted_promotion}"
        writes += [
            _field(fact, view_keys.PROMOTION + fact.deleted_promotion, version, None),
            ViewWrite(view_keys.PROMOTIONS, name, version, None, owner=owner),
        ]
    return writes


def _field(fact: CatalogChanged, field: str, version: int, value: bytes | None) -> ViewWrite:
    """Return the write of a field of a menu, which its restaurant's feed announces."""
    owner = fact.restaurant_id
    references = (view_keys.MENU_REFERENCE,)
    return ViewWrite(
        view_keys.menu(owner), field, version, value, feed=owner, references=references, owner=owner
    )


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
    return _seconds(order.updated_at)


@lru_cache(maxsize=8)  # each fact asks a few times for the same instant
def _seconds(instant: str) -> int:
    return timestamps.from_text(instant) // 1000


def _stock(restaurant_id: str, stock: Stock, bucket: int = 0) -> ViewWrite:
    field = view_keys.stock(stock.sku, bucket)
    return _stock_field(restaurant_id, field, stock.version, _encode(stock), stock.sku)


def _stock_field(restaurant_id: str, field: str, version: int, value: bytes | None, sku: str) -> ViewWrite:
    return ViewWrite(
        view_keys.menu(restaurant_id),
        field,
        version,
        value,
        feed=restaurant_id,
        references=(view_keys.STOCK_REFERENCE + sku,),
        owner=restaurant_id,
    )
