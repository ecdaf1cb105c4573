"""Places of open streams: a board's are its own, and handshakes that wait on purpose push each other out."""

import asyncio
import contextlib

import pytest

from ingress.http.problems import Problem
from ingress.live.limits import ChannelLimits, FollowerLimits, PendingHandshakes


def test_customers_streams_keep_no_board_out() -> None:
    """All places of one channel are taken; the other has its own."""
    limits = FollowerLimits({"sse": ChannelLimits(50, 20), "feed": ChannelLimits(2, 2)})
    with contextlib.ExitStack() as streams:
        for n in range(50):
            streams.enter_context(limits.reserve_slot("sse", f"o{n}"))
        with pytest.raises(Problem, match="too-many-requests"):
            streams.enter_context(limits.reserve_slot("sse", "o50"))
        for _ in range(2):
            streams.enter_context(limits.reserve_slot("feed", "r1"))
        with pytest.raises(Problem, match="too-many-requests"):
            streams.enter_context(limits.reserve_slot("feed", "r2"))
    with limits.reserve_slot("sse", "o50"), limits.reserve_slot("feed", "r2"):
        pass


@pytest.mark.parametrize("channel", ["sse", "feed"])
def test_subject_has_a_bound_of_its_own(channel: str) -> None:
    """One order, or one restaurant, cannot take all places of its channel."""
    limits = FollowerLimits({channel: ChannelLimits(10, 2)})
    with limits.reserve_slot(channel, "a"), limits.reserve_slot(channel, "a"):
        with pytest.raises(Problem), limits.reserve_slot(channel, "a"):
            pass
        with limits.reserve_slot(channel, "b"):
            pass


async def test_oldest_silent_handshake_makes_room() -> None:
    """However many clients wait without a token, one that sends its token at once is in time."""
    handshakes, ended = PendingHandshakes(3), []

    async def stay_silent(n: int) -> None:
        try:
            async with handshakes.timeout(60.0):
                await asyncio.Event().wait()
        except TimeoutError:
            ended.append(n)

    silent = []
    for n in range(5):
        silent.append(asyncio.create_task(stay_silent(n)))
        await asyncio.sleep(0)
    await asyncio.wait(silent[:2], timeout=10)
    assert ended == [0, 1]
    async with handshakes.timeout(60.0):
        await asyncio.sleep(0)
    await asyncio.wait(silent[:3], timeout=10)
    assert ended == [0, 1, 2]
    for task in silent:
        task.cancel()
