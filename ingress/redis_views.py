"""The views in Redis, read."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar, cast

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError

from ingress import summed
from ingress.problems import Unavailable
from ingress.views import Changes, MenuView, OrderView, Reading, RestaurantsView, StatusChange
from schemas import buckets, views
from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.orders import Order, Status
from schemas.views import Window

T = TypeVar("T")

#: Longest wait for an answer of Redis, in seconds; a page that takes longer is no use to anyone.
TIMEOUT_SECONDS = 1.0
#: Connections of one process; more would only queue inside Redis.
MAX_CONNECTIONS = 16
#: Generations that one read follows: a second when the views were replaced since the last read.
TRIES = 3

_restaurant = msgspec.json.Decoder(Restaurant)
_item = msgspec.json.Decoder(Item)
_stock = msgspec.json.Decoder(Stock)
_promotion = msgspec.json.Decoder(Promotion)
_order = msgspec.json.Decoder(Order)
_window = msgspec.json.Decoder(Window)
_at = msgspec.json.Decoder(str)
_sealed = msgspec.json.Decoder(bytes)


def connect(url: str) -> Redis:
    """Return a client; it connects when first used, and tries once more on a connection that was lost."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
    )
    return Redis.from_pool(pool)


class RedisViews:
    """Reads views of the current generation, each in one round trip."""

    def __init__(self, redis: Redis) -> None:
        """Take the client."""
        self._redis = redis
        self._generation = ""  # current when something was last read

    async def menus(self, keys: Sequence[str]) -> tuple[Reading, dict[str, MenuView]]:
        """Return menus by key; where there is no such restaurant, none."""

        def ask(pipeline: Pipeline, key: Callable[[str], str]) -> None:
            pipeline.get(key(views.REVISION))
            pipeline.hgetall(key(views.WATERMARKS))  # before what they speak of
            for menu in keys:
                pipeline.hgetall(key(menu))

        generation, (revision, watermarks, *found) = await self.read(ask)
        menus = {
            key: menu_of(fields, watermarks)
            for key, fields in zip(keys, found, strict=True)
            if views.RESTAURANT.encode() in fields
        }
        return Reading(generation, int(revision or 0)), menus

    async def restaurants(self) -> tuple[Reading, RestaurantsView]:
        """Return all restaurants."""

        def ask(pipeline: Pipeline, key: Callable[[str], str]) -> None:
            pipeline.get(key(views.REVISION))
            pipeline.hvals(key(views.RESTAURANTS))
            pipeline.hgetall(key(views.PROMOTIONS))

        generation, (revision, restaurants, promotions) = await self.read(ask)
        windows: dict[str, list[Window]] = {}
        for name, stored in promotions.items():
            windows.setdefault(name.decode().partition("/")[0], []).append(_value(_window, stored))
        view = RestaurantsView([_value(_restaurant, stored) for stored in restaurants], windows)
        return Reading(generation, int(revision or 0)), view

    async def order(self, order_id: str) -> OrderView | None:
        """Return an order; None where none is known yet."""
        _, (fields,) = await self.read(lambda pipeline, key: pipeline.hgetall(key(views.order(order_id))))
        return order_of(fields)

    async def changes(self, generation: str, revision: int) -> Changes:
        """Return what has changed since this revision of this generation; all, when it is not current any more."""

        def ask(pipeline: Pipeline, key: Callable[[str], str]) -> None:
            since = revision if key("") == views.inside(generation, "") else 0
            pipeline.hgetall(key(views.WATERMARKS))  # before the changes: see ingress/watch.py
            pipeline.get(key(views.REVISION))
            pipeline.zrangebyscore(key(views.CHANGES), f"({since}", "+inf", withscores=True)

        current, (watermarks, last, changed) = await self.read(ask)
        return Changes(
            current,
            int(last or 0),
            {key.decode(): int(changed_at) for key, changed_at in changed},
            {int(partition): int(as_of) for partition, as_of in watermarks.items()},
        )

    async def ping(self) -> bool:
        """Return True when the views can be read."""
        return await answered(self._redis.ping())

    async def read(self, ask: Callable[[Pipeline, Callable[[str], str]], Any]) -> tuple[str, list[Any]]:
        """Return the current generation and the answers in it; raises Unavailable."""
        for _ in range(TRIES):
            generation = self._generation
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.get(views.CURRENT)
            ask(pipeline, partial(views.inside, generation))
            current, *answers = await answered(pipeline.execute())
            if current is None:  # emptied, and nobody has begun to fill it
                raise Unavailable()
            self._generation = current.decode()
            if self._generation == generation:
                return generation, answers
        raise Unavailable()


def order_of(fields: dict[bytes, bytes]) -> OrderView | None:
    """Return the order that a hash holds; None where it holds none."""
    order = fields.get(views.ORDER.encode())
    if order is None:
        return None
    prefix = views.STATUS.encode()
    changes = sorted(
        (*views.unpack(stored), name.removeprefix(prefix).decode())
        for name, stored in fields.items()
        if name.startswith(prefix)
    )
    history = [StatusChange(cast(Status, name), _at.decode(at), version) for version, at, name in changes]
    sealed = fields.get(views.PERSONAL.encode())
    return OrderView(_value(_order, order), history, None if sealed is None else _value(_sealed, sealed))


def menu_of(fields: dict[bytes, bytes], watermarks: dict[bytes, bytes]) -> MenuView:
    """Return the menu of a hash that holds a restaurant."""
    home = int(views.unpack(fields.get(views.PARTITION.encode(), b"0|-1"))[1])
    stocks, others = summed.stocks(_numbered(fields))
    partitions = (home, *((home + number) % max(1, len(watermarks)) for number in others))
    as_of = min(int(watermarks.get(b"%d" % partition, 0)) for partition in partitions)
    return MenuView(
        restaurant=_value(_restaurant, fields[views.RESTAURANT.encode()]),
        items=_values(_item, fields, views.ITEM),
        # what is taken is known up to the watermark; without one, nothing is, not even that all is
        stocks=stocks if as_of else {},
        promotions=_values(_promotion, fields, views.PROMOTION),
        as_of=as_of,
        partitions=partitions,
    )


def _numbered(fields: dict[bytes, bytes]) -> Iterator[tuple[int, Stock]]:
    """Yield the stocks with the numbers of their buckets."""
    prefix = views.STOCK.encode()
    for name, stored in fields.items():
        if name.startswith(prefix):
            _, number = buckets.split(name)
            yield number, _value(_stock, stored)


async def answered(answer: Awaitable[T]) -> T:
    """Return what Redis answers; raises Unavailable."""
    try:
        return await answer
    except (RedisError, OSError, TimeoutError):
        raise Unavailable() from None


def _value(decoder: "msgspec.json.Decoder[T]", stored: bytes) -> T:
    return decoder.decode(views.unpack(stored)[1])


def _values(decoder: "msgspec.json.Decoder[T]", fields: dict[bytes, bytes], prefix: str) -> list[T]:
    start = prefix.encode()
    return [_value(decoder, stored) for name, stored in fields.items() if name.startswith(start)]
