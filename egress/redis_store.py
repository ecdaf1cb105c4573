"""The store of views in Redis: one script, one round trip for each batch."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from egress.horizon import Aim
from egress.positions import Move, Partition
from egress.projection import ViewWrite
from egress.view_store import ViewsLost, ViewsUnreachable
from schemas import views

#: Longest wait for an answer of Redis, in seconds.
TIMEOUT_SECONDS = 5.0

_FAILURES = (RedisError, OSError, TimeoutError)


def connect(url: str) -> Redis:
    """Return a client; it connects when first used. Trying again is the projector's."""
    return Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


class _Script:
    """A Lua script that lies beside this file."""

    def __init__(self, name: str) -> None:
        self.text = (Path(__file__).parent / name).read_bytes()
        self.digest = hashlib.sha1(self.text, usedforsecurity=False).hexdigest()


class RedisStore:
    """Keeps views in Redis."""

    def __init__(self, redis: Redis) -> None:
        """Take the client."""
        self._redis = redis
        self._apply = _Script("apply.lua")
        self._tell = _Script("tell.lua")

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Return where the projection of each partition stands; nothing where it has not begun."""
        try:
            held = await self._redis.hgetall(views.POSITIONS)
        except _FAILURES as error:
            raise ViewsUnreachable(repr(error)) from error
        return {
            partition: int(held[field])
            for partition in partitions
            if (field := partition.field.encode()) in held
        }

    async def begin(self, beginnings: Mapping[Partition, int]) -> None:
        """Set the positions of projections that have not begun."""
        pipeline = self._redis.pipeline(transaction=False)
        for partition, offset in beginnings.items():
            pipeline.hsetnx(views.POSITIONS, partition.field, offset)
        try:
            await pipeline.execute()
        except _FAILURES as error:
            raise ViewsUnreachable(repr(error)) from error

    async def apply(self, writes: Iterable[ViewWrite], moves: Sequence[Move]) -> None:
        """Apply writes and moves as one; raises ViewsLost."""
        arguments: list[bytes | str | int] = [len(moves)]
        for move in moves:
            arguments += (move.partition.field, move.start, move.end)
        by_key = _newest_by_key(writes)
        for fields in by_key.values():
            arguments += (max(write.seconds for write in fields.values()), len(fields))
            for write in fields.values():
                arguments += (write.field, write.version, write.value)
        if not await self._run(self._apply, [views.POSITIONS, *by_key], arguments):
            raise ViewsLost

    async def tell(self, partition: int, aim: Aim) -> None:
        """Tell readers until when the partition's views hold all; raises ViewsLost."""
        arguments: list[bytes | str | int] = [partition, aim.as_of]
        for at, end in aim.ends.items():
            arguments += (at.field, end)
        if not await self._run(self._tell, [views.POSITIONS, views.WATERMARKS], arguments):
            raise ViewsLost

    async def _run(self, script: _Script, keys: list[str], arguments: list[bytes | str | int]) -> Any:
        try:
            try:
                return await self._redis.evalsha(script.digest, len(keys), *keys, *arguments)
            except NoScriptError:  # Redis was started since
                await self._redis.script_load(script.text)
                return await self._redis.evalsha(script.digest, len(keys), *keys, *arguments)
        except _FAILURES as error:
            raise ViewsUnreachable(repr(error)) from error


def _newest_by_key(writes: Iterable[ViewWrite]) -> dict[str, dict[str, ViewWrite]]:
    """Return the writes by key and field; of those to one field, the newest: the others would be undone."""
    by_key: dict[str, dict[str, ViewWrite]] = {}
    for write in writes:
        fields = by_key.setdefault(write.key, {})
        held = fields.get(write.field)
        if held is None or write.version > held.version:
            fields[write.field] = write
    return by_key
