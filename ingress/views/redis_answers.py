"""The answers about orders, in Redis: one hash an order, for a minute; the views have caught up by then."""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ingress.http.problems import Unavailable
from ingress.views.answers import Answered, AnsweredOrder, Refusal
from ingress.views.batch_loader import BatchLoader
from schemas import timestamps, view_keys

#: Longest time that an answer to a client is held back for its write, in seconds.
WRITE_TIMEOUT_SECONDS = 0.5
#: How long no answer is held back after a write that failed, in seconds: Redis serves no reader then either.
PAUSE_SECONDS = 1.0
#: Attempts at one write, and the pause between two, in seconds.
MAX_ATTEMPTS, RETRY_SECONDS = 3, 0.5
#: Writes that may wait for Redis; further ones are dropped, and the decider knows the orders.
MAX_PENDING_WRITES = 1024

_answered = msgspec.json.Decoder(AnsweredOrder)
_refusal = msgspec.json.Decoder(Refusal)
#: Key, field, value (None deletes the field), and seconds until the key expires.
_Write = tuple[str, str, bytes | None, int]


class RedisAnswers:
    """Writes answers (`AnswerStore`); concurrent writes share a round trip."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._writes: BatchLoader[_Write, None] = BatchLoader(self._write_all)
        self._paused_until = timestamps.monotonic_clock()

    async def record(self, answered: Answered) -> bool:
        key, value = view_keys.answered(answered.order_id), msgspec.json.encode(answered)
        if isinstance(answered, Refusal):
            return await self._write((key, view_keys.REFUSED, value, view_keys.REFUSED_TTL_SECONDS))
        return await self._write((key, str(answered.order.version), value, view_keys.ANSWERED_TTL_SECONDS))

    async def clear_refusal(self, order_id: str) -> None:
        await self._write((view_keys.answered(order_id), view_keys.REFUSED, None, 0))

    async def _write(self, write: _Write) -> bool:
        """Return True if the write is known to have been made."""
        if self._writes.pending_count >= MAX_PENDING_WRITES:
            return False
        is_paused = timestamps.monotonic_clock() < self._paused_until
        try:
            async with asyncio.timeout(0.0 if is_paused else WRITE_TIMEOUT_SECONDS):
                await self._writes.get(write)  # the write goes on after a timeout
                return True
        except (Unavailable, TimeoutError):
            if not is_paused:
                now = timestamps.monotonic_clock()
                self._paused_until = timestamps.MonotonicSeconds(now + PAUSE_SECONDS)
            return False

    async def _write_all(self, writes: Sequence[_Write]) -> Mapping[_Write, None]:
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                await asyncio.sleep(RETRY_SECONDS)
            pipeline = self._redis.pipeline(transaction=False)
            for key, field, value, ttl_seconds in writes:
                if value is None:
                    pipeline.hdel(key, field)
                else:
                    pipeline.hset(key, field, value)
                    pipeline.expire(key, ttl_seconds)
            try:
                await pipeline.execute()
                return dict.fromkeys(writes)
            except (RedisError, OSError, TimeoutError):
                continue
        raise Unavailable()


def decode_answered(fields: Mapping[bytes, bytes]) -> list[Answered]:
    """Return the answers of a Redis hash by version; a refusal only if there is no other."""
    versions = sorted(int(field) for field in fields if field.isdigit())
    if versions:
        return [_answered.decode(fields[b"%d" % version]) for version in versions]
    refused = fields.get(view_keys.REFUSED.encode())
    return [] if refused is None else [_refusal.decode(refused)]
