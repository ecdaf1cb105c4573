"""The memory of deliveries in Redis, beside the views and in none of their generations."""

import logging
from collections.abc import Mapping, Sequence

import msgspec
from redis.asyncio import Redis

from egress.notifying.memory import Remembered
from egress.redis_store import FAILURES

log = logging.getLogger(__name__)

PREFIX = "deliveries:"

_decode = msgspec.json.Decoder(Remembered).decode


class RedisMemory:
    """Remembers in keys that expire."""

    def __init__(self, redis: Redis) -> None:
        """Take the client."""
        self._redis = redis

    async def recall(self, keys: Sequence[str]) -> Mapping[str, Remembered]:
        """Return what is known of these deliveries; nothing while Redis is away."""
        if not keys:
            return {}
        try:
            found = await self._redis.mget([PREFIX + key for key in keys])
        except FAILURES as error:
            log.warning("deliveries are not recalled: %r", error)
            return {}
        return {key: _decode(raw) for key, raw in zip(keys, found, strict=True) if raw is not None}

    async def remember(self, key: str, known: Remembered, seconds: float) -> None:
        """Keep it for so many seconds; not at all while Redis is away."""
        try:
            await self._redis.set(PREFIX + key, msgspec.json.encode(known), ex=max(1, int(seconds)))
        except FAILURES as error:
            log.warning("a delivery is not remembered: %r", error)
