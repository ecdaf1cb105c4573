"""The views in Redis, read."""

from collections.abc import Awaitable
from typing import TypeVar

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ingress.problems import Unavailable
from ingress.views import MenuView, OrderView, RestaurantsView, StatusChange
from schemas import views
from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.orders import Order
from schemas.views import Window

T = TypeVar("T")

#: Longest wait for an answer of Redis, in seconds; a page that takes longer is no use to anyone.
TIMEOUT_SECONDS = 1.0
#: Connections of one process; more would only queue inside Redis.
MAX_CONNECTIONS = 16

_restaurant = msgspec.json.Decoder(Restaurant)
_item = msgspec.json.Decoder(Item)
_stock = msgspec.json.Decoder(Stock)
_promotion = msgspec.json.Decoder(Promotion)
_order = msgspec.json.Decoder(Order)
_window = msgspec.json.Decoder(Window)
_at = msgspec.json.Decoder(str)


def connect(url: str) -> Redis:
    """Return a client; it connects when first used, and tries once more on a connection that was lost."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
    return Redis.from_pool(pool)


class RedisViews:
    """Reads views, each in one round trip."""

    def __init__(self, redis: Redis) -> None:
        """Take the client."""
        self._redis = redis

    async def menu(self, restaurant_id: str) -> MenuView | None:
        """Return a restaurant's menu; None where there is no such restaurant."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hgetall(views.menu(restaurant_id))
        pipeline.hgetall(views.WATERMARKS)
        fields, watermarks = await _answered(pipeline.execute())
        restaurant = fields.get(views.RESTAURANT.encode())
        if restaurant is None:
            return None
        partition = fields.get(views.PARTITION.encode(), b"")
        return MenuView(
            restaurant=_value(_restaurant, restaurant),
            items=_values(_item, fields, views.ITEM),
            stocks={stock.sku: stock for stock in _values(_stock, fields, views.STOCK)},
            promotions=_values(_promotion, fields, views.PROMOTION),
            as_of=int(watermarks.get(views.unpack(partition)[1], 0)) if partition else 0,
        )

    async def order(self, order_id: str) -> OrderView | None:
        """Return an order; None where none is known yet."""
        fields: dict[bytes, bytes] = await _answered(self._redis.hgetall(views.order(order_id)))
        order = fields.get(views.ORDER.encode())
        if order is None:
            return None
        prefix = views.STATUS.encode()
        changes = sorted(
            (*views.unpack(stored), name.removeprefix(prefix).decode())
            for name, stored in fields.items()
            if name.startswith(prefix)
        )
        return OrderView(
            _value(_order, order), [StatusChange(name, _at.decode(at)) for _, at, name in changes]
        )

    async def restaurants(self) -> RestaurantsView:
        """Return all restaurants."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hvals(views.RESTAURANTS)
        pipeline.hgetall(views.PROMOTIONS)
        restaurants, promotions = await _answered(pipeline.execute())
        windows: dict[str, list[Window]] = {}
        for name, stored in promotions.items():
            windows.setdefault(name.decode().partition("/")[0], []).append(_value(_window, stored))
        return RestaurantsView([_value(_restaurant, stored) for stored in restaurants], windows)

    async def watermarks(self) -> dict[int, int]:
        """Return until when (milliseconds since 1970) the views hold all, by partition."""
        watermarks: dict[bytes, bytes] = await _answered(self._redis.hgetall(views.WATERMARKS))
        return {int(partition): int(as_of) for partition, as_of in watermarks.items()}

    async def ping(self) -> bool:
        """Return True when the views can be read."""
        return await _answered(self._redis.ping())


async def _answered(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except (RedisError, OSError, TimeoutError):
        raise Unavailable() from None


def _value(decoder: "msgspec.json.Decoder[T]", stored: bytes) -> T:
    return decoder.decode(views.unpack(stored)[1])


def _values(decoder: "msgspec.json.Decoder[T]", fields: dict[bytes, bytes], prefix: str) -> list[T]:
    start = prefix.encode()
    return [_value(decoder, stored) for name, stored in fields.items() if name.startswith(start)]
