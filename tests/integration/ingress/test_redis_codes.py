"""Codes in a real Redis: bounds, guesses in parallel, what expires."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from ingress.customers.codes import SentCode
from ingress.customers.redis_codes import MAX_WRONG_GUESSES, RedisCodes
from ingress.http.problems import Unavailable
from ingress.views import redis_views
from schemas import redis_keys
from schemas.settings import Settings

SENT = SentCode("v1", "phone", "address", "right", "c_1")
SETTINGS = Settings(
    verification_resend_seconds=0,
    verification_codes_per_phone_and_address=2,
    verification_codes_per_phone=3,
    verification_codes_per_address=4,
    verification_codes_per_day=6,
)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of an empty database of this test."""
    client = redis_views.connect(redis_url.rpartition("/")[0] + "/12")
    await client.flushdb()
    yield client
    await client.aclose()


async def test_parallel_guesses_get_no_more_than_five(redis: Redis) -> None:
    """A hundred at once, and the right one after them."""
    codes = RedisCodes(redis, SETTINGS)
    assert await codes.add(SENT) == 0
    results = await asyncio.gather(*(codes.check("v1", f"wrong {number}") for number in range(100)))
    outcomes = Counter(result.outcome for result in results)
    assert outcomes == {"wrong": MAX_WRONG_GUESSES - 1, "exhausted": 100 - MAX_WRONG_GUESSES + 1}
    assert (await codes.check("v1", "right")).outcome == "exhausted"


async def test_right_code_proves_the_customer_until_it_expires(redis: Redis) -> None:
    """Whichever process is asked, and as often as it is; then it is unknown."""
    await RedisCodes(redis, SETTINGS).add(SENT)
    for _ in range(2):
        result = await RedisCodes(redis, SETTINGS).check("v1", "right")
        assert (result.outcome, result.customer_id) == ("proved", "c_1")
    assert 0 < await redis.ttl(redis_keys.verification("v1")) <= SETTINGS.verification_seconds
    await redis.delete(redis_keys.verification("v1"))
    assert (await RedisCodes(redis, SETTINGS).check("v1", "right")).outcome == "unknown"


async def test_codes_are_bounded_by_phone_address_and_day(redis: Redis) -> None:
    """What one bound refuses counts in none; a request of an exempt address counts for the phone and the day."""
    codes = RedisCodes(redis, SETTINGS)

    async def add(phone: str, address: str | None) -> bool:
        return not await codes.add(replace(SENT, phone=phone, address=address))

    assert [await add("p1", "a1") for _ in range(3)] == [True, True, False]
    assert [await add("p2", "a1") for _ in range(2)] == [True, True]
    assert not await add("p3", "a1"), "the address's, over all phones"
    assert [await add("p1", "a2") for _ in range(2)] == [True, False], "the phone's, over all addresses"
    assert [await add("p2", None) for _ in range(2)] == [True, False]
    assert not await add("p3", "a3"), "the day is used up"
    assert int(await redis.get(redis_keys.codes_of("all"))) == 6
    assert all([0 < await redis.ttl(key) <= 86_400 for key in await redis.keys("codes:*")])


async def test_a_phone_pauses_between_two_codes(redis: Redis) -> None:
    """The refusal says how long; another phone need not wait."""
    codes = RedisCodes(redis, replace(SETTINGS, verification_resend_seconds=30))
    assert await codes.add(SENT) == 0
    assert 0 < await codes.add(SENT) <= 30
    assert await codes.add(replace(SENT, phone="other")) == 0


async def test_codes_for_a_stranger_lock_no_phone_out(redis: Redis) -> None:
    """One address gets five codes a day for a phone, as long as it tries; the owner, at another one, gets one."""
    codes = RedisCodes(redis, Settings(verification_resend_seconds=0))
    waits = [await codes.add(replace(SENT, address="stranger")) for _ in range(50)]
    assert waits[:5] == [0] * 5 and all(0 < wait <= 86_400 for wait in waits[5:])
    assert await codes.add(SENT) == 0


async def test_a_refusal_says_when_all_bounds_permit_a_code(redis: Redis) -> None:
    """A pause of seconds ends before a day's bound does; to wait for the pause alone would be in vain."""
    codes = RedisCodes(redis, replace(SETTINGS, verification_codes_per_phone=1))
    paused = RedisCodes(redis, replace(SETTINGS, verification_resend_seconds=30))
    assert await paused.add(SENT) == 0
    assert await codes.add(SENT) > 86_000
    await redis.expire(redis_keys.codes_of("phone:phone"), 10)
    assert 10 < await codes.add(SENT) <= 30
    await redis.delete(redis_keys.codes_of("phone:phone"))
    await redis.pexpire(redis_keys.code_pause("phone"), 9_400)
    assert await codes.add(SENT) * 1000 >= await redis.pttl(redis_keys.code_pause("phone")), "rounded up"


async def test_removed_code_counts_against_no_bound(redis: Redis) -> None:
    """Once, however often and in parallel; the counts and the pause of other codes stay."""
    codes = RedisCodes(redis, replace(SETTINGS, verification_resend_seconds=30))
    assert await codes.add(SENT) == 0
    await asyncio.gather(*(codes.remove(SENT) for _ in range(10)))
    assert not await redis.keys()
    assert await codes.add(replace(SENT, verification_id="v2")) == 0
    counted = {key: await redis.get(key) for key in await redis.keys("codes:*")}
    await codes.remove(SENT)
    assert counted and {key: await redis.get(key) for key in await redis.keys("codes:*")} == counted
    another = replace(SENT, verification_id="v3", phone="other")
    assert await codes.add(another) == 0
    await codes.remove(another)
    assert {key: await redis.get(key) for key in await redis.keys("codes:*")} == counted


async def test_without_redis_it_is_unavailable() -> None:
    """503: nothing is sent that could not be checked."""
    redis = redis_views.connect("redis://127.0.0.1:1/0")
    codes = RedisCodes(redis, SETTINGS)
    with pytest.raises(Unavailable):
        await codes.add(SENT)
    with pytest.raises(Unavailable):
        await codes.remove(SENT)
    with pytest.raises(Unavailable):
        await codes.check("v1", "right")
    await redis.aclose()
