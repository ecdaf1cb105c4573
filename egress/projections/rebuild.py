"""Rebuild: all views projected into a new generation, to which readers are switched atomically.

Readers see the current generation until the switch, and it goes on growing. For the moment of the switch it is closed
to writes (the projector repeats them), so that the new one can reach its positions: no reader sees views go back.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence

from aiokafka.errors import KafkaError
from redis.asyncio import Redis

from egress import redis_client
from egress.command_error import CommandError
from egress.kafka.consumers import AllPartitionsConsumer
from egress.kafka.dead_letters import DeadLetter
from egress.projections import generations
from egress.projections.ports import ViewsLost, ViewStoreUnavailable
from egress.projections.projector import Projector
from egress.projections.redis_store import RedisViewStore
from egress.redis_client import REDIS_ERRORS
from schemas import view_keys
from schemas.consumer_groups import PROJECTION
from schemas.runtime.kafka_sessions import started
from schemas.runtime.topic_preflight import check_topics
from schemas.settings import Settings
from schemas.topics import WATERMARKS

log = logging.getLogger(__name__)

#: How far the new views may be behind the current ones when these are closed, in milliseconds.
MAX_LAG_MS = 1_000
#: How long the old views are kept after the switch, for readers that still use them, in seconds.
LINGER_SECONDS = 2.0


class DiscardedDeadLetters:
    """Discards the dead letters of a rebuild: they were written when the facts were first projected."""

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Do nothing."""


async def rebuild(settings: Settings) -> int:
    """Rebuild the views; return 0, or 1 if the current ones were left as they are. Raises TopicsDifferError."""
    consumer = AllPartitionsConsumer(settings.kafka, PROJECTION.topics, settings.partitions)
    began = time.monotonic()
    async with contextlib.aclosing(redis_client.connect(settings.redis)) as redis:
        try:
            await check_topics(settings)
            async with started(consumer) as facts:
                deleted = await _rebuild(redis, facts)
        except (CommandError, ViewsLost, ViewStoreUnavailable, KafkaError, *REDIS_ERRORS) as error:
            log.error("rebuild failed, the views were left as they are: %r", error)
            return 1
    log.info("rebuilt in %.1f s; %d keys of the old views deleted", time.monotonic() - began, deleted)
    return 0


async def _rebuild(redis: Redis, facts: AllPartitionsConsumer) -> int:
    """Make a new generation the current one; return how many keys of the old one were deleted."""
    old, new = await generations.current(redis), generations.new_generation()
    await generations.delete_all_but(redis, {old})  # of a rebuild that was cut off
    log.info("rebuilding %s as %s", old, new)
    projector = Projector(facts, RedisViewStore(redis, new), DiscardedDeadLetters())
    await projector.seek_to_view_positions()
    partitions = [partition for partition in facts.assigned() if partition.topic != WATERMARKS.name]
    ends = await facts.ends(partitions)
    while not (projector.has_reached(ends) and await _is_near(redis, old, new)):
        await projector.step()
    await generations.close(redis, old)
    positions = await RedisViewStore(redis, old).positions(partitions)
    async with asyncio.timeout(generations.MAX_CLOSED_SECONDS):
        while not projector.has_reached(positions):
            await projector.step()
    if not await generations.switch(redis, old, new):
        raise CommandError(f"{old} is no longer the current generation, or was closed for too long")
    log.info("switched to %s", new)
    until = time.monotonic() + LINGER_SECONDS
    while time.monotonic() < until:  # until the projector of the running processes finds the new generation
        await projector.step()
    return await generations.delete_all_but(redis, {new})


async def _is_near(redis: Redis, old: str, new: str) -> bool:
    """Return True if every partition of the new views is at most MAX_LAG_MS older than that of the current ones."""
    of_old = await redis.hgetall(view_keys.inside(old, view_keys.WATERMARKS))
    of_new = await redis.hgetall(view_keys.inside(new, view_keys.WATERMARKS))
    return all(
        int(of_new.get(partition, 0)) >= int(as_of) - MAX_LAG_MS for partition, as_of in of_old.items()
    )
