"""The memory of deliveries and the ledger of attempts: what is promised of them, in this process and in a real Redis."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from egress import redis_store
from egress.notifying.memory import Memory, Remembered
from egress.notifying.redis_memory import PREFIX, RedisMemory
from egress.webhooks import redis_ledger
from egress.webhooks.ledger import Attempt, Ledger
from egress.webhooks.redis_ledger import RedisLedger
from tests.notifying.fakes import DictLedger, DictMemory
from tests.stack import start_redis

BOTH = pytest.mark.parametrize("where", ["memory", "redis"])


def memory(where: str, redis: Redis) -> Memory:
    return DictMemory() if where == "memory" else RedisMemory(redis)


def ledger(where: str, redis: Redis) -> Ledger:
    return DictLedger() if where == "memory" else RedisLedger(redis)


def attempt(number: int) -> Attempt:
    return Attempt(
        1_767_268_800.5, "3-41-2", "order.confirmed", "o1", number, "failed", 503, 0.1, "answered 503"
    )


@BOTH
async def test_what_is_remembered_is_recalled(where: str, redis: Redis) -> None:
    """The last that was said of each delivery, and nothing of others."""
    held = memory(where, redis)
    await held.remember("a", Remembered(3, 12.5), 60)
    await held.remember("b", Remembered(1, 1.0), 60)
    await held.remember("b", Remembered(done=True), 60)
    assert await held.recall(["a", "b", "c"]) == {"a": Remembered(3, 12.5), "b": Remembered(done=True)}
    assert await held.recall([]) == {}


@BOTH
async def test_attempts_are_kept_the_newest_first(where: str, redis: Redis) -> None:
    """By restaurant."""
    held = ledger(where, redis)
    for number in range(1, 4):
        await held.note("r1", attempt(number))
    await held.note("r2", attempt(9))
    assert await held.attempts("r1", 2) == [attempt(3), attempt(2)]


@BOTH
async def test_an_address_is_switched_off_and_on(where: str, redis: Redis) -> None:
    """One address of one restaurant."""
    held = ledger(where, redis)
    await held.switch_off("r1", "https://a.example/")
    assert await held.is_off("r1", "https://a.example/")
    assert not await held.is_off("r1", "https://b.example/") and not await held.is_off(
        "r2", "https://a.example/"
    )
    assert await held.switch_on("r1") and not await held.switch_on("r1")
    assert not await held.is_off("r1", "https://a.example/")


async def test_nothing_is_kept_for_ever(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis does not grow with the age of the product."""
    monkeypatch.setattr(redis_ledger, "MOST_ATTEMPTS", 5)
    for number in range(12):
        await RedisLedger(redis).note("r1", attempt(number))
    assert await redis.llen("webhooks:log:r1") == 5 and await redis.ttl("webhooks:log:r1") > 0
    await RedisMemory(redis).remember("a", Remembered(), 60)
    assert 0 < await redis.ttl(PREFIX + "a") <= 60


async def test_while_redis_is_away_deliveries_go_on(tmp_path: Path) -> None:
    """It only spares recipients: what it does not know is not known."""
    server = start_redis(tmp_path)
    client = redis_store.connect(server.url)
    server.kill()
    held, kept = RedisMemory(client), RedisLedger(client)
    await held.remember("a", Remembered(done=True), 60)
    assert await held.recall(["a"]) == {}
    await kept.note("r1", attempt(1))
    await kept.switch_off("r1", "https://a.example/")
    assert not await kept.is_off("r1", "https://a.example/")
    await client.aclose()
