"""Laws: whatever happens to views and connections, in the end a board equals the views, and events are whole."""

import asyncio
import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingress import redis_views
from ingress.live.board import Board
from ingress.live.feeds import Delta, Line
from ingress.live.hub import Hub
from ingress.live.limits import Limits
from ingress.live.redis_feeds import RedisFeeds
from ingress.redis_views import RedisViews
from ingress.watch import Watch
from schemas import views
from schemas.facts import Fact
from tests.egress.stories import LIVES
from tests.live.boards import BoardClient
from tests.live.conftest import PARTITIONS, World

#: What may happen between two looks.
STEPS = st.one_of(
    st.sampled_from(["item", "promotion", "restaurant", "refused", "late fact", "again"]),
    st.sampled_from(LIVES),
    st.sampled_from(
        ["cut", "reconnect", "elsewhere", "other process", "lose", "refill", "set back", "trim", "look"]
    ),
)


class Process:
    """An ingress process without HTTP: rounds are made when the test says so."""

    def __init__(self, world: World, now: int) -> None:
        self.redis = redis_views.connect(world.url)
        self.watch = Watch(RedisViews(self.redis), PARTITIONS)
        self.feeds = RedisFeeds(self.redis, self.redis)
        self.hub = Hub(self.feeds, self.watch, Limits(10, 10, 10), clock=lambda: now)

    async def look(self) -> None:
        """One beat and what follows from it; wakes may be lost."""
        await self.watch.ask()
        await self.hub.beat()
        await self.hub.round()


class Page:
    """A board's client that is cut off and comes back, to one of two processes."""

    def __init__(self, processes: list[Process]) -> None:
        self._processes = processes
        self.client = BoardClient()
        self.at = 0
        self._open: Any = None
        self._stream: Any = None

    def connect(self) -> None:
        if self._open is None:
            self._open = self._processes[self.at].hub.restaurant("r1", self.client.sequence)
            self._stream = self._open.__enter__()

    def cut(self) -> None:
        if self._open is not None:
            self._open.__exit__(None, None, None)
            self._open = None

    async def read(self) -> None:
        """Take what has come."""
        while self._open is not None and not self._stream.outbox.is_empty:
            self.client.take(await self._stream.outbox.get(1))


async def play(world: World, steps: list[Any]) -> None:
    await world.begin()
    world.story.put_restaurant()
    world.story.put_item()
    await world.show()
    now = time.time_ns() // 1_000_000
    await world.complete(now)
    processes = [Process(world, now), Process(world, now)]
    page = Page(processes)
    late: list[Fact] = []
    saved = None
    page.connect()
    for step in steps:
        if isinstance(step, tuple):
            world.story.order(True, step)
        elif step in ("item", "promotion", "restaurant"):
            getattr(world.story, f"put_{step}")()
        elif step == "refused":
            world.story.order(False)
        elif step == "late fact":  # the last decision's first fact comes later
            world.story.order(True)
            late.append(world.story.facts[-2])
            world._told = len(world.story.facts)
            await world.show([world.story.facts[-3], world.story.facts[-1]])
        elif step == "again":
            await world.show(world.story.facts[-4:])
        elif step == "cut":
            page.cut()
        elif step == "reconnect":
            page.connect()
        elif step == "elsewhere":
            page.cut()
            page.at = 1 - page.at
            page.connect()
        elif step == "other process":
            processes[1 - page.at] = Process(world, now)
        elif step == "lose":
            await world.lose()
            world._told = 0
        elif step == "refill":
            await world.show(world.story.facts)
            await world.complete(now)
        elif step == "set back":
            saved = await _set_back(world, saved)
        elif step == "trim":
            await _trim(world)
        if step != "lose":
            await world.show()
        if step == "look":
            for process in processes:
                await process.look()
            await page.read()
    await world.show(late)
    await world.show(world.story.facts)
    await world.complete(now)
    page.connect()
    for process in processes:
        await process.look()
    await page.read()
    fresh = Board("r1", await processes[0].feeds.board("r1"))
    shown = json.loads(msgspec.json.encode(fresh.dashboard(now)))
    assert page.client.shows(shown), (page.client.orders, page.client.portions, page.client.stats, shown)
    assert shown["orders"] or not any(isinstance(step, tuple) for step in steps)
    page.cut()
    assert not processes[page.at].hub._followed
    for process in processes:
        await process.redis.aclose()


async def _set_back(world: World, saved: dict[bytes, bytes] | None) -> dict[bytes, bytes] | None:
    """Keep a copy of Redis; or, where there is one, put it back as a restored server would be, noticed by egress."""
    keys = await world.redis.keys("*")
    if saved is None:
        return {key: await world.redis.dump(key) for key in keys}
    await world.redis.flushdb()
    for key, value in saved.items():
        if value is not None:
            await world.redis.restore(key, 0, value)
    await world.place()
    return None


async def _trim(world: World) -> None:
    """Let a feed forget all but its last change, as it does when there are many."""
    generation = (await world.redis.get(views.CURRENT) or b"").decode()
    feed = views.inside(generation, views.feed("r1"))
    (last, *_) = await world.redis.zrange(feed, -1, -1, withscores=True) or [(b"floor", 0.0)]
    if last[0] != b"floor":
        await world.redis.zremrangebyrank(feed, 0, -2)
        await world.redis.zadd(feed, {"floor": last[1] - 1})


async def test_after_any_changes_cuts_and_reconnects_the_board_equals_the_views(world: World) -> None:
    """Shown when: a test proves that after any reconnect the board equals the views."""
    loop = asyncio.get_running_loop()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(STEPS, max_size=14))
    def law(steps: list[Any]) -> None:
        asyncio.run_coroutine_threadsafe(play(world, steps), loop).result(60)

    await asyncio.to_thread(law)


@pytest.mark.parametrize("planted", ["line", "floor"])
async def test_the_law_sees_a_planted_bug(
    world: World, planted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check that cannot fail is a defect: numbers that are taken for another line's, changes that are not held."""
    if planted == "line":
        monkeypatch.setattr("ingress.live.redis_feeds._line", lambda generation, mark: _same_line())
        steps = [(), "look", "set back", (), (), "look", "cut", "set back", (), "look"]
    else:
        monkeypatch.setattr(
            "ingress.live.redis_feeds._delta", lambda after, last, changed, floor: _all_held(last, changed)
        )
        steps = [(), "look", "cut", (), (), "item", "trim"]
    with pytest.raises(AssertionError):
        await play(world, steps)


def _same_line() -> Line:
    return Line("views-1", "x")


def _all_held(last: int, changed: list[tuple[bytes, float]]) -> Delta:
    return Delta(last, {reference.decode(): int(number) for reference, number in changed if number > 0})
