"""The store of views in Redis: one script, one round trip for each batch."""

import secrets
from collections.abc import Iterable, Mapping, Sequence

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from egress import generations
from egress.horizon import Aim
from egress.positions import Move, Partition
from egress.projection import ViewWrite
from egress.scripts import Argument, Script
from egress.view_store import ViewsLost, ViewsUnreachable
from schemas import views

#: Longest wait for an answer of Redis, in seconds.
TIMEOUT_SECONDS = 5.0

#: What the client raises when Redis does not answer as it should.
FAILURES = (RedisError, OSError, TimeoutError)


def connect(url: str) -> Redis:
    """Return a client; it connects when first used. Trying again is the projector's."""
    return Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


class RedisStore:
    """Keeps the views of one generation in Redis."""

    def __init__(self, redis: Redis, generation: str | None = None) -> None:
        """Take the client, and the generation to make; None: grow the current one, whichever it is."""
        self._redis = redis
        self._follows = generation is None
        self._generation = generation
        self._apply = Script("apply.lua")
        self._tell = Script("tell.lua")

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Return where the projection of each partition stands; nothing where it has not begun.

        What is projected from there may get numbers in feeds that something else had before the
        views were set back: so a new line begins.
        """
        try:
            if self._follows:
                self._generation = await generations.current(self._redis)
                await self._redis.set(self._key(views.LINE), secrets.token_hex(3))
            held = await self._redis.hgetall(self._key(views.POSITIONS))
        except FAILURES as error:
            raise ViewsUnreachable(_told(error)) from error
        return {
            partition: int(held[field])
            for partition in partitions
            if (field := partition.field.encode()) in held
        }

    async def begin(self, beginnings: Mapping[Partition, int]) -> None:
        """Set the positions of projections that have not begun."""
        pipeline = self._redis.pipeline(transaction=False)
        for partition, offset in beginnings.items():
            pipeline.hsetnx(self._key(views.POSITIONS), partition.field, offset)
        try:
            await pipeline.execute()
        except FAILURES as error:
            raise ViewsUnreachable(_told(error)) from error

    async def apply(self, writes: Iterable[ViewWrite], moves: Sequence[Move]) -> None:
        """Apply writes and moves as one; raises ViewsLost."""
        arguments: list[Argument] = [len(moves)]
        for move in moves:
            arguments += (move.partition.field, move.start, move.end)
        by_key = _newest_by_key(writes)
        feeds: dict[str, int] = {}  # their numbers, from 1
        arguments.append(len(by_key))
        for fields in by_key.values():
            feed = next(iter(fields.values())).feed  # a view is one restaurant's, or nobody's
            number = feeds.setdefault(feed, len(feeds) + 1) if feed else 0
            arguments += (max(write.expires_at for write in fields.values()), number, len(fields))
            for write in fields.values():
                arguments += (write.field, write.version, write.value, write.listed, write.listed_until)
                arguments += (len(write.references), *write.references)
        arguments += feeds
        beside = [views.POSITIONS, views.REVISION, views.CHANGES, views.SEQUENCES]
        live = [key for feed in feeds for key in (views.feed(feed), views.board(feed))]
        keys = [views.CURRENT, views.CLOSING, *map(self._key, [*beside, *by_key, *live])]
        done = await self._run(self._apply, keys, arguments)
        if done < 0:
            raise ViewsUnreachable("the generation is being closed")
        if not done:
            raise ViewsLost

    async def tell(self, partition: int, aim: Aim) -> None:
        """Tell readers until when the partition's views hold all; raises ViewsLost."""
        arguments: list[Argument] = [partition, aim.as_of]
        for at, end in aim.ends.items():
            arguments += (at.field, end)
        keys = [views.CURRENT, self._key(views.POSITIONS), self._key(views.WATERMARKS)]
        if not await self._run(self._tell, keys, arguments):
            raise ViewsLost

    def _key(self, key: str) -> str:
        if self._generation is None:
            raise ViewsLost  # the positions come first: they say which generation it is
        return views.inside(self._generation, key)

    async def _run(self, script: Script, keys: list[str], arguments: list[Argument]) -> int:
        guarded = [self._generation or "", int(self._follows), *arguments]
        try:
            return int(await script.run(self._redis, keys, guarded))
        except FAILURES as error:
            raise ViewsUnreachable(_told(error)) from error


def _told(error: BaseException) -> str:
    """Return what a person needs of an error of the store: redis-py's own repr leaves out what the server said."""
    return f"{type(error).__name__}: {error}"


def _newest_by_key(writes: Iterable[ViewWrite]) -> dict[str, dict[str, ViewWrite]]:
    """Return the writes by key and field; of those to one field, the newest: the others would be undone."""
    by_key: dict[str, dict[str, ViewWrite]] = {}
    for write in writes:
        fields = by_key.setdefault(write.key, {})
        held = fields.get(write.field)
        if held is None or write.version > held.version:
            fields[write.field] = write
    return by_key
