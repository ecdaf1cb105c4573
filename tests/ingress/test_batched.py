"""Batched loading."""

import asyncio
from collections.abc import Sequence

import pytest

from ingress.batched import MOST, Batched


class Source:
    """Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.answers = asyncio.Event()  # cleared: loads wait
        self.answers.set()

    async def load(self, keys: Sequence[str]) -> dict[str, str]:
        self.asked.append(list(keys))
        number = len(self.asked)
        await asyncio.sleep(0)
        await self.answers.wait()
        if "bad" in keys:
            raise LookupError(keys)
        return {key: f"{key}{number}" for key in keys}


async def test_those_who_ask_at_once_share_one_load() -> None:
    """A thousand readers of one menu cost one read, and several menus one round trip."""
    source = Source()
    batched = Batched(source.load)
    answers = await asyncio.gather(*(batched.get(key) for key in "abab"))
    assert answers == ["a1", "b1", "a1", "b1"] and source.asked == [["a", "b"]]


async def test_those_who_ask_during_a_load_share_it_or_go_together_in_the_next() -> None:
    """While Redis answers one question, no second one for the same is on its way."""
    source = Source()
    batched = Batched(source.load)
    source.answers.clear()
    asked = [asyncio.ensure_future(batched.get("a"))]
    await asyncio.sleep(0.01)  # it is on its way
    asked += [asyncio.ensure_future(batched.get(key)) for key in "abc"]
    await asyncio.sleep(0.01)
    source.answers.set()
    *answers, first = await asyncio.gather(*asked[1:], asked[0])
    answers.append(first)
    assert answers == ["a1", "b2", "c2", "a1"] and source.asked == [["a"], ["b", "c"]]
    assert await batched.get("a") == "a3"


async def test_a_load_has_a_bound() -> None:
    """One answer of Redis must not hold up all others."""
    source = Source()
    batched = Batched(source.load)
    await asyncio.gather(*(batched.get(str(n)) for n in range(MOST + 1)))
    assert list(map(len, source.asked)) == [MOST, 1]


async def test_a_failure_reaches_all_who_asked_and_nobody_else() -> None:
    """The next one tries again."""
    source = Source()
    batched = Batched(source.load)
    failed = await asyncio.gather(*(batched.get(key) for key in ("bad", "a")), return_exceptions=True)
    assert [type(answer) for answer in failed] == [LookupError] * 2
    assert await batched.get("a") == "a2"


async def test_one_who_leaves_takes_nothing_from_the_others() -> None:
    """A client that hangs up must not fail those who wait for the same page."""
    batched = Batched(Source().load)
    first, second = (asyncio.ensure_future(batched.get("a")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "a1"
    with pytest.raises(asyncio.CancelledError):
        await first
