"""A law: whatever happens to views and connections, in the end a client's board equals the views."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingress.live.board import Board
from ingress.live.hub import Hub
from ingress.live.limits import ChannelLimits, FollowerLimits
from ingress.live.ports import Delta, FeedEpoch
from ingress.live.redis_feeds import RedisFeeds
from ingress.views import redis_views
from ingress.views.change_tracker import ChangeTracker
from ingress.views.redis_views import RedisViews
from schemas import view_keys
from schemas.facts import Fact
from schemas.timestamps import wall_clock
from tests.integration.live.conftest import PARTITIONS, ViewsHarness
from tests.support.egress.stories import LIVES
from tests.support.live.boards import BoardClient

#: What may happen between two sync steps.
STEPS = st.one_of(
    st.sampled_from(["item", "promotion", "restaurant", "failed order", "late fact", "repeated facts"]),
    st.sampled_from(LIVES),
    st.sampled_from(
        [
            "disconnect",
            "reconnect",
            "switch process",
            "restart process",
            "flush",
            "refill",
            "restore",
            "trim",
            "sync",
        ]
    ),
)


class Process:
    """The live part of an ingress process; the test says when it syncs."""

    def __init__(self, harness: ViewsHarness, now: int) -> None:
        self.redis = redis_views.connect(harness.url)
        self.tracker = ChangeTracker(RedisViews(self.redis), PARTITIONS)
        self.feeds = RedisFeeds(self.redis, self.redis)
        self.hub = Hub(
            self.feeds, self.tracker, FollowerLimits({"feed": ChannelLimits(10, 10)}), clock=lambda: now
        )

    async def sync(self) -> None:
        """Run one heartbeat and the sync step that follows from it; published messages are lost."""
        await self.tracker.poll()
        await self.hub.heartbeat()
        await self.hub.sync_dirty()


class Page:
    """A board's client that disconnects and resumes, at one of two processes."""

    def __init__(self, processes: list[Process]) -> None:
        self._processes = processes
        self.client = BoardClient()
        self.process = 0
        self._open: Any = None
        self._stream: Any = None

    def connect(self) -> None:
        if self._open is None:
            self._open = self._processes[self.process].hub.follow_restaurant("r1", self.client.sequence)
            self._stream = self._open.__enter__()

    def disconnect(self) -> None:
        if self._open is not None:
            self._open.__exit__(None, None, None)
            self._open = None

    async def read(self) -> None:
        """Apply the queued messages."""
        while self._open is not None and not self._stream.queue.is_empty:
            self.client.apply(await self._stream.queue.get(1))


async def run_steps(harness: ViewsHarness, steps: list[Any]) -> None:
    await harness.reset()
    harness.story.put_restaurant()
    harness.story.put_item()
    await harness.project()
    now = wall_clock()
    await harness.publish_watermarks(now)
    processes = [Process(harness, now), Process(harness, now)]
    page = Page(processes)
    late: list[Fact] = []
    backup = None
    page.connect()
    for step in steps:
        if isinstance(step, tuple):
            harness.story.order(True, step)
        elif step in ("item", "promotion", "restaurant"):
            getattr(harness.story, f"put_{step}")()
        elif step == "failed order":
            harness.story.order(False)
        elif step == "late fact":  # an order's second fact is projected last
            harness.story.order(True)
            late.append(harness.story.facts[-2])
            harness.projected = len(harness.story.facts)
            await harness.project([harness.story.facts[-3], harness.story.facts[-1]])
        elif step == "repeated facts":
            await harness.project(harness.story.facts[-4:])
        elif step == "disconnect":
            page.disconnect()
        elif step == "reconnect":
            page.connect()
        elif step == "switch process":
            page.disconnect()
            page.process = 1 - page.process
            page.connect()
        elif step == "restart process":
            processes[1 - page.process] = Process(harness, now)
        elif step == "flush":
            await harness.flush_all()
            harness.projected = 0
        elif step == "refill":
            await harness.project(harness.story.facts)
            await harness.publish_watermarks(now)
        elif step == "restore":
            backup = await _back_up_or_restore(harness, backup)
        elif step == "trim":
            await _trim(harness)
        if step != "flush":
            await harness.project()
        if step == "sync":
            for process in processes:
                await process.sync()
            await page.read()
    await harness.project(late)
    await harness.project(harness.story.facts)
    await harness.publish_watermarks(now)
    page.connect()
    for process in processes:
        await process.sync()
    await page.read()
    board = Board("r1", await processes[0].feeds.board("r1"))
    expected = json.loads(msgspec.json.encode(board.dashboard(now)))
    assert page.client.shows(expected), (
        page.client.orders,
        page.client.portions,
        page.client.stats,
        expected,
    )
    assert expected["orders"] or not any(isinstance(step, tuple) for step in steps)
    page.disconnect()
    assert not processes[page.process].hub.subscriptions.by_restaurant
    for process in processes:
        await process.redis.aclose()


async def _back_up_or_restore(
    harness: ViewsHarness, backup: dict[bytes, bytes] | None
) -> dict[bytes, bytes] | None:
    """Return a copy of Redis; or, if there is one, restore it as an operator would, noticed by egress."""
    keys = await harness.redis.keys("*")
    if backup is None:
        return {key: await harness.redis.dump(key) for key in keys}
    await harness.redis.flushdb()
    for key, value in backup.items():
        if value is not None:
            await harness.redis.restore(key, 0, value)
    await harness.initialize()
    return None


async def _trim(harness: ViewsHarness) -> None:
    """Trim a feed to its last change, as egress does when there are many."""
    generation = (await harness.redis.get(view_keys.CURRENT) or b"").decode()
    feed = view_keys.inside(generation, view_keys.feed("r1"))
    (last, *_) = await harness.redis.zrange(feed, -1, -1, withscores=True) or [(b"floor", 0.0)]
    if last[0] != b"floor":
        await harness.redis.zremrangebyrank(feed, 0, -2)
        await harness.redis.zadd(feed, {"floor": last[1] - 1})


async def test_board_equals_views_after_any_history(harness: ViewsHarness) -> None:
    """After any changes, disconnects, resumes, lost and restored views, a client's board equals the views."""
    loop = asyncio.get_running_loop()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(STEPS, max_size=14))
    def law(steps: list[Any]) -> None:
        asyncio.run_coroutine_threadsafe(run_steps(harness, steps), loop).result(60)

    await asyncio.to_thread(law)


@pytest.mark.parametrize("planted", ["epoch", "floor"])
async def test_board_law_detects_planted_bugs(
    harness: ViewsHarness, planted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The law above can fail: on sequences compared across epochs, and on a trimmed feed taken for a complete one."""
    if planted == "epoch":
        monkeypatch.setattr(
            "ingress.live.redis_feeds._epoch", lambda generation, writer_run: FeedEpoch("views-1", "x")
        )
        steps = [(), "sync", "restore", (), (), "sync", "disconnect", "restore", (), "sync"]
    else:
        monkeypatch.setattr(
            "ingress.live.redis_feeds._delta",
            lambda after, last, changed, floor: _never_trimmed(last, changed),
        )
        steps = [(), "sync", "disconnect", (), (), "item", "trim"]
    with pytest.raises(AssertionError):
        await run_steps(harness, steps)


def _never_trimmed(last: int, changed: list[tuple[bytes, float]]) -> Delta:
    return Delta(last, {reference.decode(): int(number) for reference, number in changed if number > 0})
