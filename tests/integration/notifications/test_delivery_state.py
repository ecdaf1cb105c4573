"""The delivery state store and the attempt log: one contract for the fakes and for real Redis."""

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

from egress import redis_client
from egress.notifications.delivery_state import (
    KEY_PREFIX,
    DeliveryState,
    DeliveryStateStore,
    RedisDeliveryStateStore,
)
from egress.notifications.webhooks.attempt_log import Attempt, AttemptLog, RedisAttemptLog
from tests.support.notifications.fakes import InMemoryAttemptLog, InMemoryDeliveryStates
from tests.support.stack import start_redis


@pytest.fixture(params=["memory", "redis"])
def states(request: pytest.FixtureRequest, redis: Redis) -> DeliveryStateStore:
    """Each implementation of the store."""
    return InMemoryDeliveryStates() if request.param == "memory" else RedisDeliveryStateStore(redis)


@pytest.fixture(params=["memory", "redis"])
def attempt_log(request: pytest.FixtureRequest, redis: Redis) -> AttemptLog:
    """Each implementation of the log."""
    return InMemoryAttemptLog() if request.param == "memory" else RedisAttemptLog(redis)


def attempt(number: int) -> Attempt:
    return Attempt(
        1_767_268_800.5, "3-41-2", "order.confirmed", "o1", number, "failed", 503, 0.1, "answered 503"
    )


async def test_saved_states_are_loaded(states: DeliveryStateStore) -> None:
    """The last state of each delivery; unknown keys are left out."""
    await states.save("a", DeliveryState(3, 12.5), 60)
    await states.save("b", DeliveryState(1, 1.0), 60)
    await states.save("b", DeliveryState(done=True), 60)
    assert await states.load(["a", "b", "c"]) == {"a": DeliveryState(3, 12.5), "b": DeliveryState(done=True)}
    assert await states.load([]) == {}


async def test_attempts_are_returned_newest_first(attempt_log: AttemptLog) -> None:
    """Only those of the restaurant, up to the limit."""
    for number in range(1, 4):
        await attempt_log.record("r1", attempt(number))
    await attempt_log.record("r2", attempt(9))
    assert await attempt_log.attempts("r1", 2) == [attempt(3), attempt(2)]


async def test_url_is_disabled_and_enabled(attempt_log: AttemptLog) -> None:
    """A disabled URL affects neither other URLs nor other restaurants."""
    await attempt_log.disable("r1", "https://a.example/")
    assert await attempt_log.is_disabled("r1", "https://a.example/")
    assert not await attempt_log.is_disabled("r1", "https://b.example/")
    assert not await attempt_log.is_disabled("r2", "https://a.example/")
    assert await attempt_log.enable("r1") and not await attempt_log.enable("r1")
    assert not await attempt_log.is_disabled("r1", "https://a.example/")


async def test_redis_keys_are_bounded_and_expire(redis: Redis) -> None:
    """Redis does not grow with the age of the installation."""
    attempt_log = RedisAttemptLog(redis, max_attempts=5)
    for number in range(12):
        await attempt_log.record("r1", attempt(number))
    assert await redis.llen("webhooks:log:r1") == 5 and await redis.ttl("webhooks:log:r1") > 0
    await RedisDeliveryStateStore(redis).save("a", DeliveryState(), 60)
    assert 0 < await redis.ttl(KEY_PREFIX + "a") <= 60


async def test_a_crowd_waits_for_connections(states: DeliveryStateStore, attempt_log: AttemptLog) -> None:
    """Hundreds of attempts end at the same time: each state is saved, and no disabled URL is taken for enabled."""
    await attempt_log.disable("r1", "https://a.example/")
    keys = [f"crowd-{n}" for n in range(600)]
    *_, disabled = await asyncio.gather(
        *(states.save(key, DeliveryState(done=True), 60) for key in keys),
        asyncio.gather(*(attempt_log.is_disabled("r1", "https://a.example/") for _ in range(300))),
    )
    assert all(disabled) and len(await states.load(keys)) == 600


async def test_redis_outage_raises_nothing(tmp_path: Path) -> None:
    """Deliveries go on without Redis: states are unknown and no webhook is disabled."""
    server = start_redis(tmp_path)
    client = redis_client.connect(server.url)
    server.kill()
    states, attempt_log = RedisDeliveryStateStore(client), RedisAttemptLog(client)
    await states.save("a", DeliveryState(done=True), 60)
    assert await states.load(["a"]) == {}
    await attempt_log.record("r1", attempt(1))
    await attempt_log.disable("r1", "https://a.example/")
    assert not await attempt_log.is_disabled("r1", "https://a.example/")
    await client.aclose()
