"""The views, read from Redis."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar, cast

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError

from ingress.http.problems import Unavailable
from ingress.views import bucket_totals
from ingress.views.answers import newest
from ingress.views.ports import (
    UNKNOWN_AS_OF,
    MenuView,
    OrderView,
    RestaurantsView,
    StatusChange,
    ViewChanges,
    ViewVersion,
)
from ingress.views.redis_answers import decode_answered
from schemas import buckets, timestamps, view_keys
from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.orders import Order, Status
from schemas.timestamps import EpochMs
from schemas.view_keys import Window

T = TypeVar("T")

#: Longest wait for an answer of Redis, in seconds; the reader of a page waits no longer.
TIMEOUT_SECONDS = 1.0
#: Connections of one process; more of them would only queue inside Redis.
MAX_CONNECTIONS = 16
#: How long menus are decoded before others are served, in seconds.
STEP_SECONDS = 0.005
#: Attempts at one read: each finds that the views were replaced since the one before.
MAX_ATTEMPTS = 3

_restaurant = msgspec.json.Decoder(Restaurant)
_item = msgspec.json.Decoder(Item)
_stock = msgspec.json.Decoder(Stock)
_promotion = msgspec.json.Decoder(Promotion)
_order = msgspec.json.Decoder(Order)
_window = msgspec.json.Decoder(Window)
_instant = msgspec.json.Decoder(str)
_sealed = msgspec.json.Decoder(bytes)

#: Gives a key of the generation that is read.
QualifyKey = Callable[[str], str]
#: Adds the commands of one read to a pipeline.
AddCommands = Callable[[Pipeline, QualifyKey], Any]


def connect(url: str) -> Redis:
    """Return a client, which connects on first use and retries once on a connection that was lost."""
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
    """Reads views of the current generation (`ViewReader`), each in one round trip."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._generation = ""  # that was current at the last read

    async def menus(self, keys: Sequence[str]) -> tuple[ViewVersion, dict[str, MenuView]]:
        def add_commands(pipeline: Pipeline, key: QualifyKey) -> None:
            pipeline.get(key(view_keys.REVISION))
            pipeline.hgetall(key(view_keys.WATERMARKS))  # read before the menus that they vouch for
            for menu in keys:
                pipeline.hgetall(key(menu))

        generation, (revision, watermarks, *found) = await self.read(add_commands)
        menus, started = {}, timestamps.monotonic_clock()
        for key, fields in zip(keys, found, strict=True):
            if view_keys.RESTAURANT.encode() in fields:
                if timestamps.monotonic_clock() - started > STEP_SECONDS:
                    await asyncio.sleep(0)  # one menu may take milliseconds, and there are up to 64
                    started = timestamps.monotonic_clock()
                menus[key] = decode_menu(fields, watermarks)
        return ViewVersion(generation, int(revision or 0)), menus

    async def restaurants(self) -> tuple[ViewVersion, RestaurantsView]:
        def add_commands(pipeline: Pipeline, key: QualifyKey) -> None:
            pipeline.get(key(view_keys.REVISION))
            pipeline.hvals(key(view_keys.RESTAURANTS))
            pipeline.hgetall(key(view_keys.PROMOTIONS))

        generation, (revision, restaurants, promotions) = await self.read(add_commands)
        windows: dict[str, list[Window]] = {}
        for name, stored in promotions.items():
            windows.setdefault(name.decode().partition("/")[0], []).append(_value(_window, stored))
        view = RestaurantsView([_value(_restaurant, stored) for stored in restaurants], windows)
        return ViewVersion(generation, int(revision or 0)), view

    async def order(self, order_id: str) -> OrderView | None:
        def add_commands(pipeline: Pipeline, key: QualifyKey) -> None:
            pipeline.hlen(key(view_keys.WATERMARKS))
            add_order(pipeline, key, order_id)

        _, (watermarks, view, answered) = await self.read(add_commands)
        # Without a watermark the views are being filled, and may show a state that is long over.
        return decode_newest_order(view if watermarks else {}, answered)

    async def field_version(self, key: str, field: str) -> int:
        _, (stored,) = await self.read(lambda pipeline, qualify: pipeline.hget(qualify(key), field))
        return 0 if stored is None else view_keys.unpack(stored)[0]

    async def changes(self, generation: str, revision: int) -> ViewChanges:
        def add_commands(pipeline: Pipeline, key: QualifyKey) -> None:
            since = revision if key("") == view_keys.inside(generation, "") else 0
            pipeline.hgetall(key(view_keys.WATERMARKS))  # first: see ingress/views/change_tracker.py
            pipeline.get(key(view_keys.REVISION))
            pipeline.zrangebyscore(key(view_keys.CHANGES), f"({since}", "+inf", withscores=True)

        current, (watermarks, last, changed) = await self.read(add_commands)
        return ViewChanges(
            current,
            int(last or 0),
            {key.decode(): int(changed_at) for key, changed_at in changed},
            {int(partition): EpochMs(int(as_of)) for partition, as_of in watermarks.items()},
        )

    async def ping(self) -> bool:
        return await _await_result(self._redis.ping())

    async def read(self, add_commands: AddCommands) -> tuple[str, list[Any]]:
        """Return the current generation and the results of the commands in it; raises Unavailable."""
        for _ in range(MAX_ATTEMPTS):
            generation = self._generation
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.get(view_keys.CURRENT)
            add_commands(pipeline, partial(view_keys.inside, generation))
            current, *results = await _await_result(pipeline.execute())
            if current is None:  # emptied, and not filled again yet
                raise Unavailable()
            self._generation = current.decode()
            if self._generation == generation:
                return generation, results
        raise Unavailable()


def add_order(pipeline: Pipeline, key: QualifyKey, order_id: str) -> None:
    """Add the commands that read an order; `decode_newest_order` takes their two results."""
    pipeline.hgetall(key(view_keys.order(order_id)))
    pipeline.hgetall(view_keys.answered(order_id))


def decode_newest_order(view: dict[bytes, bytes], answered: dict[bytes, bytes]) -> OrderView | None:
    """Return the order as the view shows it or as it was answered, whichever is newer; None if neither has it."""
    return newest(decode_order(view), decode_answered(answered))


def decode_order(fields: dict[bytes, bytes]) -> OrderView | None:
    """Return the order of a Redis hash; None if it has none."""
    order = fields.get(view_keys.ORDER.encode())
    if order is None:
        return None
    prefix = view_keys.STATUS.encode()
    changes = sorted(
        (*view_keys.unpack(stored), name.removeprefix(prefix).decode())
        for name, stored in fields.items()
        if name.startswith(prefix)
    )
    history = [
        StatusChange(cast(Status, name), _instant.decode(at), version) for version, at, name in changes
    ]
    sealed = fields.get(view_keys.PERSONAL.encode())
    return OrderView(_value(_order, order), history, None if sealed is None else _value(_sealed, sealed))


def decode_menu(fields: dict[bytes, bytes], watermarks: dict[bytes, bytes]) -> MenuView:
    """Return the menu of a Redis hash that has a restaurant."""
    home = int(view_keys.unpack(fields.get(view_keys.PARTITION.encode(), b"0|-1"))[1])
    stocks, others = bucket_totals.total_stocks(_numbered_stocks(fields))
    partitions = (home, *((home + number) % max(1, len(watermarks)) for number in others))
    as_of = min(EpochMs(int(watermarks.get(b"%d" % partition, UNKNOWN_AS_OF))) for partition in partitions)
    return MenuView(
        restaurant=_value(_restaurant, fields[view_keys.RESTAURANT.encode()]),
        items=_values(_item, fields, view_keys.ITEM),
        # reservations are known up to the watermark; without one, not even "sold out" may be shown
        stocks=stocks if as_of else {},
        promotions=_values(_promotion, fields, view_keys.PROMOTION),
        as_of=as_of,
        partitions=partitions,
    )


def _numbered_stocks(fields: dict[bytes, bytes]) -> Iterator[tuple[int, Stock]]:
    """Yield the stocks with the numbers of their buckets."""
    prefix = view_keys.STOCK.encode()
    for name, stored in fields.items():
        if name.startswith(prefix):
            _, number = buckets.split(name)
            yield number, _value(_stock, stored)


async def _await_result(result: Awaitable[T]) -> T:
    """Return a result of Redis; raises Unavailable."""
    try:
        return await result
    except (RedisError, OSError, TimeoutError):
        raise Unavailable() from None


def _value(decoder: "msgspec.json.Decoder[T]", stored: bytes) -> T:
    return decoder.decode(view_keys.unpack(stored)[1])


def _values(decoder: "msgspec.json.Decoder[T]", fields: dict[bytes, bytes], prefix: str) -> list[T]:
    start = prefix.encode()
    return [_value(decoder, stored) for name, stored in fields.items() if name.startswith(start)]
