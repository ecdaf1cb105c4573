"""Feeds and boards, read from Redis."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ingress.http.problems import Unavailable
from ingress.live.ports import BoardView, Delta, FeedEpoch
from ingress.views.ports import MenuView, OrderView
from ingress.views.redis_views import QualifyKey, RedisViews, add_order, decode_menu, decode_newest_order
from schemas import view_keys
from schemas.timestamps import wall_clock

#: Orders that are read in one round trip.
MAX_ORDERS_PER_READ = 200
#: Longest wait for one message, in seconds; then the next wait begins.
MESSAGE_TIMEOUT_SECONDS = 5.0

_restaurants = msgspec.json.Decoder(list[str])


class RedisFeeds:
    """Reads feeds and boards of the current generation (`Feeds`)."""

    def __init__(self, redis: Redis, messages: Redis) -> None:
        """Args:
        redis: client for reads.
        messages: client whose connection may wait for published messages.
        """
        self._views = RedisViews(redis)
        self._messages = messages

    async def last_sequences(self, restaurants: Sequence[str]) -> tuple[FeedEpoch, dict[str, int]]:
        def add_commands(pipeline: Pipeline, key: QualifyKey) -> None:
            pipeline.get(key(view_keys.WRITER_RUN))
            if restaurants:
                pipeline.hmget(key(view_keys.SEQUENCES), restaurants)

        generation, (writer_run, *found) = await self._views.read(add_commands)
        sequences = [int(sequence or 0) for sequence in found[0]] if found else []
        return _epoch(generation, writer_run), dict(zip(restaurants, sequences, strict=True))

    async def deltas(self, since: Sequence[tuple[str, int]]) -> tuple[FeedEpoch, list[Delta]]:
        def add_commands(pipeline: Pipeline, key: QualifyKey) -> None:
            pipeline.get(key(view_keys.WRITER_RUN))
            for restaurant, after in since:
                feed = key(view_keys.feed(restaurant))
                pipeline.hget(key(view_keys.SEQUENCES), restaurant)
                pipeline.zrangebyscore(feed, f"({after}", "+inf", withscores=True)
                # The floor is read last: trimming between these commands raises it, so a gap is never missed.
                pipeline.zscore(feed, view_keys.FLOOR)

        generation, (writer_run, *found) = await self._views.read(add_commands)
        results = iter(found)
        return _epoch(generation, writer_run), [
            _delta(after, int(next(results) or 0), next(results), next(results)) for _, after in since
        ]

    async def orders(self, order_ids: Sequence[str]) -> tuple[str, dict[str, OrderView]]:
        orders: dict[str, OrderView] = {}
        generation = ""
        for start in range(0, len(order_ids), MAX_ORDERS_PER_READ):
            chunk = order_ids[start : start + MAX_ORDERS_PER_READ]

            def add_commands(pipeline: Pipeline, key: QualifyKey, chunk: Sequence[str] = chunk) -> None:
                for order_id in chunk:
                    add_order(pipeline, key, order_id)

            chunk_generation, found = await self._views.read(add_commands)
            if generation not in ("", chunk_generation):  # the views were replaced between two chunks
                raise Unavailable()
            generation = chunk_generation
            for order_id, *fields in zip(chunk, found[::2], found[1::2], strict=True):
                if (order := decode_newest_order(*fields)) is not None:
                    orders[order_id] = order
        return generation, orders

    async def menus(self, restaurants: Sequence[str]) -> tuple[str, dict[str, MenuView]]:
        keys = {view_keys.menu(restaurant): restaurant for restaurant in restaurants}
        version, found = await self._views.menus(list(keys))
        return version.generation, {keys[key]: menu for key, menu in found.items()}

    async def board(self, restaurant_id: str) -> BoardView:
        def add_commands(pipeline: Pipeline, key: QualifyKey) -> None:
            # Watermarks and the sequence are read before the data that they describe.
            pipeline.get(key(view_keys.WRITER_RUN))
            pipeline.hgetall(key(view_keys.WATERMARKS))
            pipeline.hget(key(view_keys.SEQUENCES), restaurant_id)
            pipeline.zrangebyscore(key(view_keys.board(restaurant_id)), f"({wall_clock() // 1000}", "+inf")
            pipeline.hgetall(key(view_keys.menu(restaurant_id)))

        generation, results = await self._views.read(add_commands)
        writer_run, watermarks, sequence, order_ids, fields = results
        orders_generation, orders = await self.orders([order_id.decode() for order_id in order_ids])
        if order_ids and orders_generation != generation:
            raise Unavailable()
        menu = decode_menu(fields, watermarks) if view_keys.RESTAURANT.encode() in fields else None
        return BoardView(_epoch(generation, writer_run), int(sequence or 0), menu, list(orders.values()))

    async def changed_restaurants(self) -> AsyncIterator[list[str] | None]:
        async with self._messages.pubsub(ignore_subscribe_messages=True) as messages:
            try:
                await messages.subscribe(view_keys.WAKE)
                yield None
                while True:
                    message = await messages.get_message(timeout=MESSAGE_TIMEOUT_SECONDS)
                    if message is not None:
                        yield _restaurants.decode(message["data"])
            except (RedisError, OSError, TimeoutError):
                return


def _epoch(generation: str, writer_run: bytes | None) -> FeedEpoch:
    return FeedEpoch(generation, (writer_run or b"").decode())


def _delta(after: int, last: int, changed: list[tuple[bytes, float]], floor: float | None) -> Delta:
    is_complete = after == last if floor is None else floor <= after <= last
    if not is_complete:
        return Delta(last, None)
    sequences = {reference.decode(): int(sequence) for reference, sequence in changed}
    return Delta(last, {r: n for r, n in sequences.items() if n <= last and r != view_keys.FLOOR})


def connect_for_messages(url: str) -> Any:
    """Return a client whose connection may wait for published messages."""
    return Redis.from_url(
        url, socket_connect_timeout=1.0, health_check_interval=10, retry=Retry(NoBackoff(), 0)
    )
