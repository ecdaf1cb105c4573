"""The state of deliveries beyond their offset in the log: which have ended, and when the next attempt is due.

The log alone says which deliveries are to be made; this state saves recipients repeated messages. If it is
lost, a delivery that ended before an earlier one is made again under the same message id. None is lost.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from egress.kafka.records import Record
from egress.redis_client import REDIS_ERRORS
from schemas import dead_letters

log = logging.getLogger(__name__)

#: Outside the generations of the views, so that a rebuild keeps the states.
KEY_PREFIX = "deliveries:"


class DeliveryState(Struct, frozen=True):
    """Attempts made so far, when the next is `due` (seconds since 1970), and whether the delivery has ended."""

    attempts: int = 0
    due: float = 0.0
    done: bool = False


class DeliveryStateStore(Protocol):
    """Keeps states by `delivery_key` for a limited time. No method raises, since all states may be lost at any time."""

    async def load(self, keys: Sequence[str]) -> Mapping[str, DeliveryState]:
        """Return the known states of these deliveries."""

    async def save(self, key: str, state: DeliveryState, ttl_seconds: float) -> None:
        """Keep a state for this time."""


_decode = msgspec.json.Decoder(DeliveryState).decode


class RedisDeliveryStateStore(DeliveryStateStore):
    """Keeps each state in a key that expires. While Redis is unavailable, no state is known and none is saved."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def load(self, keys: Sequence[str]) -> Mapping[str, DeliveryState]:
        if not keys:
            return {}
        try:
            found = await self._redis.mget([KEY_PREFIX + key for key in keys])
        except REDIS_ERRORS as error:
            log.warning("delivery states not loaded: %r", error)
            return {}
        return {key: _decode(raw) for key, raw in zip(keys, found, strict=True) if raw is not None}

    async def save(self, key: str, state: DeliveryState, ttl_seconds: float) -> None:
        try:
            await self._redis.set(KEY_PREFIX + key, msgspec.json.encode(state), ex=max(1, int(ttl_seconds)))
        except REDIS_ERRORS as error:
            log.warning("delivery state not saved: %r", error)


def delivery_key(record: Record) -> str:
    """Return the key of a delivery: equal for copies of one record, different for any other delivery.

    A redriven record has another key than the dead letter that it was. The key includes a digest of the
    value, which has timestamps: event ids alone repeat if Kafka is set up again with the same Redis.
    """
    digest = hashlib.blake2b(record.value or b"", digest_size=8).hexdigest()
    redriven = dead_letters.last_header(record.headers, dead_letters.REDRIVEN)
    suffix = f"~{redriven.decode(errors='replace')}" if redriven else ""
    return f"{record.partition.topic}:{record.event_id}:{digest}{suffix}"
