"""Batched loading."""

import asyncio
from collections.abc import Sequence

import pytest

from ingress.views.batch_loader import MAX_KEYS_PER_LOAD, BatchLoader


class Source:
    """Records the keys of each load."""

    def __init__(self) -> None:
        self.loads: list[list[str]] = []
        self.can_answer = asyncio.Event()  # cleared: loads wait
        self.can_answer.set()

    async def load(self, keys: Sequence[str]) -> dict[str, str]:
        self.loads.append(list(keys))
        number = len(self.loads)
        await asyncio.sleep(0)
        await self.can_answer.wait()
        if "bad" in keys:
            raise LookupError(keys)
        return {key: f"{key}{number}" for key in keys}


async def test_concurrent_gets_share_one_load() -> None:
    """A thousand readers of one menu cost one read, and several menus one round trip."""
    source = Source()
    loader = BatchLoader(source.load)
    values = await asyncio.gather(*(loader.get(key) for key in "abab"))
    assert values == ["a1", "b1", "a1", "b1"] and source.loads == [["a", "b"]]


async def test_gets_during_load_share_it_or_the_next() -> None:
    """While Redis answers one load, no second one for the same key is sent."""
    source = Source()
    loader = BatchLoader(source.load)
    source.can_answer.clear()
    gets = [asyncio.ensure_future(loader.get("a"))]
    await asyncio.sleep(0)  # its load is in flight
    await asyncio.sleep(0)
    gets += [asyncio.ensure_future(loader.get(key)) for key in "abc"]
    await asyncio.sleep(0)
    source.can_answer.set()
    *values, first = await asyncio.gather(*gets[1:], gets[0])
    values.append(first)
    assert values == ["a1", "b2", "c2", "a1"] and source.loads == [["a"], ["b", "c"]]
    assert await loader.get("a") == "a3"


async def test_load_size_is_bounded() -> None:
    """One slow answer of Redis must not delay all others."""
    source = Source()
    loader = BatchLoader(source.load)
    await asyncio.gather(*(loader.get(str(n)) for n in range(MAX_KEYS_PER_LOAD + 1)))
    assert list(map(len, source.loads)) == [MAX_KEYS_PER_LOAD, 1]


async def test_failure_reaches_only_its_batch() -> None:
    """The next get loads again."""
    source = Source()
    loader = BatchLoader(source.load)
    failed = await asyncio.gather(*(loader.get(key) for key in ("bad", "a")), return_exceptions=True)
    assert [type(value) for value in failed] == [LookupError] * 2
    assert await loader.get("a") == "a2"


async def test_cancelled_get_does_not_cancel_others() -> None:
    """A client that disconnects must not fail others that wait for the same page."""
    loader = BatchLoader(Source().load)
    first, second = (asyncio.ensure_future(loader.get("a")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "a1"
    with pytest.raises(asyncio.CancelledError):
        await first
