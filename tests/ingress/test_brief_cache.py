"""The brief cache."""

import asyncio

import pytest

from ingress.brief_cache import BriefCache


class Source:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def load(self, key: str) -> str:
        self.asked.append(key)
        await asyncio.sleep(0.01)
        if key == "bad":
            raise LookupError(key)
        return f"{key}{len(self.asked)}"


async def test_those_who_ask_at_once_share_one_load() -> None:
    """A thousand readers of one menu cost one read."""
    source = Source()
    cache = BriefCache(source.load, seconds=1)
    assert set(await asyncio.gather(*(cache.get("a") for _ in range(10)))) == {"a1"}
    assert await cache.get("b") == "b2" and source.asked == ["a", "b"]


async def test_a_value_is_loaded_again_when_its_time_is_over() -> None:
    """Readers see a change a moment later, not never."""
    source = Source()
    cache = BriefCache(source.load, seconds=0.02)
    assert await cache.get("a") == "a1"
    await asyncio.sleep(0.03)
    assert await cache.get("a") == "a2"


async def test_a_failure_reaches_all_who_asked_and_is_tried_again_later() -> None:
    """A part that is down is asked once a moment, not once a request."""
    source = Source()
    cache = BriefCache(source.load, seconds=0.02)
    results = await asyncio.gather(*(cache.get("bad") for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [LookupError] * 3 and len(source.asked) == 1
    await asyncio.sleep(0.03)
    with pytest.raises(LookupError):
        await cache.get("bad")
    assert len(source.asked) == 2


async def test_one_who_leaves_takes_nothing_from_the_others() -> None:
    """A client that hangs up must not fail those who wait for the same page."""
    cache = BriefCache(Source().load, seconds=1)
    first, second = (asyncio.ensure_future(cache.get("a")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "a1"


async def test_it_never_holds_more_than_its_bound() -> None:
    """Query strings come from outside: there is no end of them."""
    cache = BriefCache(Source().load, seconds=1, most=3)
    for n in range(10):
        await cache.get(str(n))
    assert len(cache._entries) <= 3
