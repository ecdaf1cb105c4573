"""The feeds of changes in Redis, read."""

import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ingress.live.feeds import BoardView, Delta, Line
from ingress.problems import Unavailable
from ingress.redis_views import RedisViews, menu_of, order_of
from ingress.views import MenuView, OrderView
from schemas import views

#: Orders that are read in one round trip.
CHUNK = 200
#: How long one wait for a message may take, in seconds; nothing follows from its end.
MESSAGE_SECONDS = 5.0

_restaurants = msgspec.json.Decoder(list[str])


class RedisFeeds:
    """Reads the feeds and boards of the current generation."""

    def __init__(self, redis: Redis, messages: Redis) -> None:
        """Take the client that reads, and one whose connection may wait for messages."""
        self._views = RedisViews(redis)
        self._messages = messages

    async def heads(self, restaurants: Sequence[str]) -> tuple[Line, dict[str, int]]:
        """Return the number of each restaurant's last change."""

        def ask(pipeline: Pipeline, key: Callable[[str], str]) -> None:
            pipeline.get(key(views.LINE))
            if restaurants:
                pipeline.hmget(key(views.SEQUENCES), restaurants)

        generation, (mark, *found) = await self._views.read(ask)
        numbers = [int(number or 0) for number in found[0]] if found else []
        return _line(generation, mark), dict(zip(restaurants, numbers, strict=True))

    async def deltas(self, asked: Sequence[tuple[str, int]]) -> tuple[Line, list[Delta]]:
        """Return what has changed since the number, for each restaurant that is asked for."""

        def ask(pipeline: Pipeline, key: Callable[[str], str]) -> None:
            pipeline.get(key(views.LINE))
            for restaurant, after in asked:
                feed = key(views.feed(restaurant))
                pipeline.hget(key(views.SEQUENCES), restaurant)
                pipeline.zrangebyscore(feed, f"({after}", "+inf", withscores=True)
                pipeline.zscore(feed, views.FLOOR)  # after what it speaks of: what goes meanwhile raises it

        generation, (mark, *found) = await self._views.read(ask)
        answers = iter(found)
        return _line(generation, mark), [
            _delta(after, int(next(answers) or 0), next(answers), next(answers)) for _, after in asked
        ]

    async def orders(self, order_ids: Sequence[str]) -> tuple[str, dict[str, OrderView]]:
        """Return the generation, and the orders that are known."""
        orders: dict[str, OrderView] = {}
        generation = ""
        for chunk in _chunks(order_ids):

            def ask(pipeline: Pipeline, key: Callable[[str], str], chunk: Sequence[str] = chunk) -> None:
                for order_id in chunk:
                    pipeline.hgetall(key(views.order(order_id)))

            read, found = await self._views.read(ask)
            if generation not in ("", read):  # replaced meanwhile
                raise Unavailable()
            generation = read
            for order_id, fields in zip(chunk, found, strict=True):
                if (order := order_of(fields)) is not None:
                    orders[order_id] = order
        return generation, orders

    async def menus(self, restaurants: Sequence[str]) -> tuple[str, dict[str, MenuView]]:
        """Return the generation, and the menus that are known."""
        keys = {views.menu(restaurant): restaurant for restaurant in restaurants}
        reading, found = await self._views.menus(list(keys))
        return reading.generation, {keys[key]: menu for key, menu in found.items()}

    async def board(self, restaurant_id: str) -> BoardView:
        """Return what a restaurant's board may show."""

        def ask(pipeline: Pipeline, key: Callable[[str], str]) -> None:
            pipeline.get(key(views.LINE))
            pipeline.hgetall(key(views.WATERMARKS))  # before what they speak of, as the number is
            pipeline.hget(key(views.SEQUENCES), restaurant_id)
            pipeline.zrangebyscore(key(views.board(restaurant_id)), f"({int(time.time())}", "+inf")
            pipeline.hgetall(key(views.menu(restaurant_id)))

        generation, answers = await self._views.read(ask)
        mark, watermarks, sequence, listed, fields = answers
        read, orders = await self.orders([order_id.decode() for order_id in listed])
        if listed and read != generation:
            raise Unavailable()
        menu = menu_of(fields, watermarks) if views.RESTAURANT.encode() in fields else None
        return BoardView(_line(generation, mark), int(sequence or 0), menu, list(orders.values()))

    async def wakes(self) -> AsyncIterator[list[str] | None]:
        """Yield restaurants that something has changed of; None: of any. Ends when the connection is lost."""
        async with self._messages.pubsub(ignore_subscribe_messages=True) as messages:
            try:
                await messages.subscribe(views.WAKE)
                yield None
                while True:
                    message = await messages.get_message(timeout=MESSAGE_SECONDS)
                    if message is not None:
                        yield _restaurants.decode(message["data"])
            except (RedisError, OSError, TimeoutError):
                return


def _line(generation: str, mark: bytes | None) -> Line:
    return Line(generation, (mark or b"").decode())


def _delta(after: int, last: int, changed: list[tuple[bytes, float]], floor: float | None) -> Delta:
    held = after == last if floor is None else floor <= after <= last
    if not held:
        return Delta(last, None)
    numbers = {reference.decode(): int(number) for reference, number in changed}
    return Delta(last, {r: n for r, n in numbers.items() if n <= last and r != views.FLOOR})


def _chunks(order_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(order_ids), CHUNK):
        yield order_ids[start : start + CHUNK]


def connect_for_messages(url: str) -> Any:
    """Return a client whose connection waits for messages."""
    return Redis.from_url(
        url, socket_connect_timeout=1.0, health_check_interval=10, retry=Retry(NoBackoff(), 0)
    )
