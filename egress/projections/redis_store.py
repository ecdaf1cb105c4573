"""The store of views in Redis: one script, one round trip for each batch."""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec
from redis.asyncio import Redis

from egress.kafka.records import OffsetRange, Partition
from egress.projections import generations
from egress.projections.lua_script import LuaScript
from egress.projections.ports import ViewsLost, ViewStore, ViewStoreUnavailable
from egress.projections.projection import ViewWrite
from egress.projections.watermarks import PendingWatermark
from egress.redis_client import REDIS_ERRORS
from schemas import view_keys

_pack = msgspec.msgpack.Encoder().encode


class RedisViewStore(ViewStore):
    """Keeps the views of one generation in Redis."""

    def __init__(self, redis: Redis, generation: str | None = None) -> None:
        """Create a store.

        Args:
            generation: the generation to write; None: the current one, looked up by `positions`.
        """
        self._redis = redis
        self._follows_current = generation is None
        self._generation = generation
        self._apply = LuaScript("apply_batch.lua")
        self._publish = LuaScript("publish_watermark.lua")

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Return the position of each partition whose projection has begun.

        A projection that goes on from views that were set back may number changes in feeds that had these numbers
        before. So each call begins a new epoch of the feeds.
        """
        with _redis_errors_translated():
            if self._follows_current:
                self._generation = await generations.current(self._redis)
                await self._redis.set(self._key(view_keys.WRITER_RUN), secrets.token_hex(3))
            stored = await self._redis.hgetall(self._key(view_keys.POSITIONS))
        return {
            partition: int(stored[field])
            for partition in partitions
            if (field := partition.field.encode()) in stored
        }

    async def begin(self, beginnings: Mapping[Partition, int]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for partition, offset in beginnings.items():
            pipeline.hsetnx(self._key(view_keys.POSITIONS), partition.field, offset)
        with _redis_errors_translated():
            await pipeline.execute()

    async def discard(self) -> None:
        with _redis_errors_translated():
            new = generations.new_generation()
            await self._redis.set(view_keys.CURRENT, new)
            await generations.delete_all_but(self._redis, {new})

    async def apply(self, writes: Iterable[ViewWrite], ranges: Sequence[OffsetRange]) -> None:
        """Run one script, which documents the layout of its argument."""
        restaurants: dict[str, int] = {}  # their indices, from 1
        views = []
        deletions: dict[str, int] = {}
        by_key = _newest_by_key(writes, deletions)
        for fields in by_key.values():
            restaurant = next(iter(fields.values())).feed  # all fields of a view are of the same restaurant
            index = restaurants.setdefault(restaurant, len(restaurants) + 1) if restaurant else 0
            owners = (
                restaurants.setdefault(w.owner, len(restaurants) + 1) if w.owner else 0
                for w in fields.values()
            )
            expires_at = max(write.expires_at for write in fields.values())
            newest = max(fields.values(), key=lambda write: write.version)
            views.append((expires_at, newest.drop_at, index, list(map(_row, fields.values(), owners))))
        moves = [(moved.partition.field, moved.start, moved.end) for moved in ranges]
        deleted = [(restaurants[name], version) for name, version in deletions.items()]
        batch = (self._generation, self._follows_current, moves, views, list(restaurants), deleted)
        counters = (
            view_keys.POSITIONS,
            view_keys.REVISION,
            view_keys.CHANGES,
            view_keys.SEQUENCES,
            view_keys.DELETIONS,
        )
        live = [key for name in restaurants for key in (view_keys.feed(name), view_keys.board(name))]
        keys = [view_keys.CURRENT, view_keys.CLOSING, *map(self._key, [*counters, *by_key, *live])]
        result = await self._run(self._apply, keys, batch)
        if result < 0:
            raise ViewStoreUnavailable("the generation is being closed")
        if not result:
            raise ViewsLost

    async def publish_watermark(self, partition: int, watermark: PendingWatermark) -> None:
        ends = [(at.field, end) for at, end in watermark.ends.items()]
        keys = [view_keys.CURRENT, self._key(view_keys.POSITIONS), self._key(view_keys.WATERMARKS)]
        argument = (self._generation, self._follows_current, str(partition), watermark.as_of, ends)
        if not await self._run(self._publish, keys, argument):
            raise ViewsLost

    def _key(self, key: str) -> str:
        if self._generation is None:
            raise ViewsLost  # `positions` comes first: it looks the generation up
        return view_keys.inside(self._generation, key)

    async def _run(self, script: LuaScript, keys: Sequence[str], argument: object) -> int:
        with _redis_errors_translated():
            return int(await script.run(self._redis, keys, [_pack(argument)]))


@contextmanager
def _redis_errors_translated() -> Iterator[None]:
    try:
        yield
    except REDIS_ERRORS as error:
        # class and message: the repr of redis-py leaves out what the server said
        raise ViewStoreUnavailable(f"{type(error).__name__}: {error}") from error


def _row(write: ViewWrite, owner: int) -> tuple[object, ...]:
    """Return a write as the script reads it; its value as text, since Redis decodes no binary MessagePack."""
    value = "" if write.value is None else write.value.decode()
    return write.field, write.version, value, write.listed, write.listed_until, write.references, owner


def _newest_by_key(writes: Iterable[ViewWrite], deletions: dict[str, int]) -> dict[str, dict[str, ViewWrite]]:
    """Return the writes by key and field, of those to one field the newest.

    Puts the version of the latest deletion of each restaurant into `deletions`, also if the field was written again.
    """
    by_key: dict[str, dict[str, ViewWrite]] = {}
    for write in writes:
        if write.value is None:
            deletions[write.owner] = max(write.version, deletions.get(write.owner, 0))
        fields = by_key.setdefault(write.key, {})
        earlier = fields.get(write.field)
        if earlier is None or write.version > earlier.version:
            fields[write.field] = write
    return by_key
