"""The ledger in Redis, beside the views and in none of their generations."""

import logging
from collections.abc import Sequence

import msgspec
from redis.asyncio import Redis

from egress.redis_store import FAILURES
from egress.webhooks.ledger import Attempt

log = logging.getLogger(__name__)

#: A hash: restaurant to the address that is switched off.
OFF = "webhooks:off"
#: Attempts that are kept for each restaurant, and for how long after the last, in seconds.
MOST_ATTEMPTS = 200
KEPT_SECONDS = 7 * 86_400

_decode = msgspec.json.Decoder(Attempt).decode


class RedisLedger:
    """Keeps a list for each restaurant, and one hash of what is off."""

    def __init__(self, redis: Redis) -> None:
        """Take the client."""
        self._redis = redis

    async def note(self, restaurant_id: str, attempt: Attempt) -> None:
        """Keep an attempt, and forget the oldest."""
        key = _log(restaurant_id)
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.lpush(key, msgspec.json.encode(attempt))
        pipeline.ltrim(key, 0, MOST_ATTEMPTS - 1)
        pipeline.expire(key, KEPT_SECONDS)
        try:
            await pipeline.execute()
        except FAILURES as error:
            log.warning("an attempt is not noted: %r", error)

    async def attempts(self, restaurant_id: str, most: int) -> Sequence[Attempt]:
        """Return the last attempts, the newest first; raises what the client raises."""
        return [_decode(raw) for raw in await self._redis.lrange(_log(restaurant_id), 0, most - 1)]

    async def is_off(self, restaurant_id: str, url: str) -> bool:
        """Say whether this address is switched off; none is while Redis is away."""
        try:
            held = await self._redis.hget(OFF, restaurant_id)
        except FAILURES:
            return False
        return bool(held == url.encode())

    async def switch_off(self, restaurant_id: str, url: str) -> None:
        """Switch this address off."""
        try:
            await self._redis.hset(OFF, restaurant_id, url)
        except FAILURES as error:
            log.warning("a webhook is not switched off: %r", error)

    async def switch_on(self, restaurant_id: str) -> bool:
        """Switch the restaurant's webhook on again; raises what the client raises."""
        return bool(await self._redis.hdel(OFF, restaurant_id))


def _log(restaurant_id: str) -> str:
    return f"webhooks:log:{restaurant_id}"
