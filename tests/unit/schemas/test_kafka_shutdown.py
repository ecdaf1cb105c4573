"""A client of aiokafka is closed without harm to its caller."""

import asyncio

import pytest

from schemas.runtime.kafka_shutdown import STOP_TIMEOUT_SECONDS, close_quietly
from tests.support.virtual_clock import in_virtual_time


@pytest.mark.parametrize("end", [asyncio.CancelledError(), ConnectionError(), None])
async def test_the_outcome_of_a_stop_does_not_reach_the_caller(end):
    """A stopping aiokafka consumer can raise its own task's cancellation, which silently ended a takeover."""

    async def stop() -> None:
        await asyncio.sleep(0)
        if end is not None:
            raise end

    await close_quietly(stop())
    assert asyncio.current_task().cancelling() == 0


@in_virtual_time
async def test_hanging_stop_is_abandoned_after_a_timeout():
    """Every wait has a limit."""
    await close_quietly(asyncio.sleep(3600))
    assert asyncio.get_running_loop().time() == pytest.approx(STOP_TIMEOUT_SECONDS)
