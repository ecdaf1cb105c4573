"""Rebuilding: new views made beside the current ones from the first fact, and switched to at once.

Until the switch readers see the current views, which go on growing. For the moment of the switch
they take no more writes (the projector tries again), so that the new ones can hold at least as
much: no reader sees the views go back.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence

from aiokafka.errors import KafkaError
from redis.asyncio import Redis

from egress import generations, redis_store
from egress.dead_letters import DeadLetter
from egress.kafka_fact_log import WholeFactLog
from egress.projector import Projector
from egress.redis_store import FAILURES, RedisStore
from egress.view_store import ViewsLost
from schemas import views
from schemas.settings import Settings
from schemas.topics import WATERMARKS

log = logging.getLogger(__name__)

#: How far the new views may be behind the current ones before these are closed, in milliseconds.
NEAR_MS = 1_000
#: How long readers may still look at the old views after the switch, in seconds.
LINGER_SECONDS = 2.0


class CannotRebuild(Exception):
    """Why the views were left as they are."""


class AlreadySetAside:
    """Takes the dead letters of a rebuild: they were written when the facts were first projected."""

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Do nothing."""


async def rebuild(settings: Settings) -> int:
    """Rebuild the views; returns 0, or 1 when the current ones were left as they are."""
    redis, facts = redis_store.connect(settings.redis), WholeFactLog(settings)
    started = time.monotonic()
    async with contextlib.aclosing(redis):
        try:
            await facts.start()
            deleted = await _rebuild(redis, facts)
        except (CannotRebuild, ViewsLost, KafkaError, *FAILURES) as error:
            log.error("the views were left as they are: %r", error)
            return 1
        finally:
            await facts.stop()
    log.info("rebuilt in %.1f s; %d keys of the old views deleted", time.monotonic() - started, deleted)
    return 0


async def _rebuild(redis: Redis, facts: WholeFactLog) -> int:
    """Make a new generation the current one; returns how many keys of the old one were deleted."""
    old, fresh = await generations.current(redis), generations.new()
    await generations.delete_all_but(redis, {old})  # of a rebuild that did not come to its end
    log.info("making %s beside %s", fresh, old)
    projector = Projector(facts, RedisStore(redis, fresh), AlreadySetAside())
    await projector.place()
    partitions = [partition for partition in facts.assigned() if partition.topic != WATERMARKS.name]
    ends = await facts.ends(partitions)
    if ends is None:
        raise CannotRebuild("Kafka does not say how many facts there are")
    while not (projector.has_reached(ends) and await _is_near(redis, old, fresh)):
        await projector.step()
    await generations.close(redis, old)
    held = await RedisStore(redis, old).positions(partitions)
    async with asyncio.timeout(generations.CLOSED_SECONDS):
        while not projector.has_reached(held):
            await projector.step()
    if not await generations.switch(redis, old, fresh):
        raise CannotRebuild(f"{old} is not the current generation any more, or was closed for too long")
    log.info("switched to %s", fresh)
    until = time.monotonic() + LINGER_SECONDS
    while time.monotonic() < until:  # until the projector grows them
        await projector.step()
    return await generations.delete_all_but(redis, {fresh})


async def _is_near(redis: Redis, old: str, fresh: str) -> bool:
    """Say whether all partitions of the new views are hardly older than those of the current ones."""
    told = await redis.hgetall(views.inside(old, views.WATERMARKS))
    near = await redis.hgetall(views.inside(fresh, views.WATERMARKS))
    return all(int(near.get(partition, 0)) >= int(as_of) - NEAR_MS for partition, as_of in told.items())
