"""The attempt log: the last attempts at the webhook of each restaurant, and which webhooks are disabled.

Operators read it, and the channel skips disabled endpoints. If it is lost, an endpoint that is gone
gets one more message, answers 410 again and is disabled again.
"""

import logging
from collections.abc import Sequence
from typing import Protocol

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from egress.redis_client import REDIS_ERRORS

log = logging.getLogger(__name__)

#: Hash of restaurant id to disabled URL.
DISABLED_KEY = "webhooks:off"
#: Attempts kept per restaurant, and how long after the last one.
MAX_ATTEMPTS = 200
RETENTION_SECONDS = 7 * 86_400


class Attempt(Struct, frozen=True, omit_defaults=True):
    """One attempt: begin (`at`, seconds since 1970), duration (`seconds`), result. Status 0: there was no response."""

    at: float
    message_id: str
    event: str
    order_id: str
    attempt: int
    result: str
    status: int = 0
    seconds: float = 0.0
    error: str = ""


class AttemptLog(Protocol):
    """Keeps attempts and disabled webhooks. Writes do not raise, since the log may be lost at any time."""

    async def record(self, restaurant_id: str, attempt: Attempt) -> None:
        """Add an attempt and drop the oldest beyond the limit."""

    async def attempts(self, restaurant_id: str, limit: int) -> Sequence[Attempt]:
        """Return the last attempts, newest first."""

    async def is_disabled(self, restaurant_id: str, url: str) -> bool:
        """Return True if this URL of the restaurant is disabled."""

    async def disable(self, restaurant_id: str, url: str) -> None:
        """Disable this URL; another URL of the same restaurant is enabled."""

    async def enable(self, restaurant_id: str) -> bool:
        """Enable the webhook of a restaurant; return True if it was disabled."""


_decode = msgspec.json.Decoder(Attempt).decode


class RedisAttemptLog(AttemptLog):
    """Keeps both in Redis, outside the generations of the views, so that a rebuild keeps them.

    While Redis is unavailable, nothing is recorded and no URL is disabled. `attempts` and `enable` then raise RedisError.
    """

    def __init__(self, redis: Redis, max_attempts: int = MAX_ATTEMPTS) -> None:
        self._redis = redis
        self._max_attempts = max_attempts

    async def record(self, restaurant_id: str, attempt: Attempt) -> None:
        key = _key(restaurant_id)
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.lpush(key, msgspec.json.encode(attempt))
        pipeline.ltrim(key, 0, self._max_attempts - 1)
        pipeline.expire(key, RETENTION_SECONDS)
        try:
            await pipeline.execute()
        except REDIS_ERRORS as error:
            log.warning("webhook attempt not recorded: %r", error)

    async def attempts(self, restaurant_id: str, limit: int) -> Sequence[Attempt]:
        return [_decode(raw) for raw in await self._redis.lrange(_key(restaurant_id), 0, limit - 1)]

    async def is_disabled(self, restaurant_id: str, url: str) -> bool:
        try:
            disabled = await self._redis.hget(DISABLED_KEY, restaurant_id)
        except REDIS_ERRORS:
            return False
        return bool(disabled == url.encode())

    async def disable(self, restaurant_id: str, url: str) -> None:
        try:
            await self._redis.hset(DISABLED_KEY, restaurant_id, url)
        except REDIS_ERRORS as error:
            log.warning("webhook not disabled: %r", error)

    async def enable(self, restaurant_id: str) -> bool:
        return bool(await self._redis.hdel(DISABLED_KEY, restaurant_id))


def _key(restaurant_id: str) -> str:
    return f"webhooks:log:{restaurant_id}"
