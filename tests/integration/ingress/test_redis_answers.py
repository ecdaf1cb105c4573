"""What was answered about an order, in a real Redis."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from ingress.views import redis_views
from ingress.views.answers import Answered, AnsweredOrder, Refusal
from ingress.views.redis_answers import RedisAnswers, decode_answered
from schemas import view_keys
from schemas.commands import Payment, PlaceOrder
from tests.support.ingress.fakes import AT, order_of

ORDER = order_of(PlaceOrder("o1", "r1", "hash", "fingerprint", [], Payment("cash")))
REFUSAL = Refusal("o1", "r1", "unknown_item", AT)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of an empty database of this test."""
    client = redis_views.connect(redis_url.rpartition("/")[0] + "/11")
    await client.flushdb()
    yield client
    await client.aclose()


async def read(redis: Redis) -> list[Answered]:
    return decode_answered(await redis.hgetall(view_keys.answered("o1")))


async def test_answers_are_read_by_version(redis: Redis) -> None:
    """Two processes may write their answers in any order; a replay repeats an old one."""
    answers = RedisAnswers(redis)
    orders = [AnsweredOrder(replace(ORDER, version=version), b"sealed") for version in (2, 4, 3)]
    await asyncio.gather(*(answers.record(order) for order in orders))
    await answers.record(REFUSAL)
    assert await read(redis) == [orders[0], orders[2], orders[1]]
    assert 0 < await redis.ttl(view_keys.answered("o1")) <= view_keys.REFUSED_TTL_SECONDS


async def test_refusal_is_read_until_it_is_cleared(redis: Redis) -> None:
    """The order was placed again under its key."""
    answers = RedisAnswers(redis)
    await answers.record(REFUSAL)
    assert await read(redis) == [REFUSAL]
    await answers.clear_refusal("o1")
    assert await read(redis) == []


async def test_unreachable_redis_delays_one_answer_in_a_second() -> None:
    """Orders are confirmed while Redis is away; nothing piles up for it."""
    client = redis_views.connect("redis://127.0.0.1:1/0")
    answers = RedisAnswers(client)
    loop = asyncio.get_running_loop()
    started = loop.time()
    for _ in range(100):
        assert not await answers.record(AnsweredOrder(ORDER))
    assert loop.time() - started < 1.0
    await client.aclose()
