"""A client of aiokafka is closed without harm to its caller."""

import asyncio

import pytest

from schemas.runtime import kafka_shutdown
from schemas.runtime.kafka_shutdown import close_quietly


@pytest.mark.parametrize("end", [asyncio.CancelledError(), ConnectionError(), None])
async def test_the_outcome_of_a_stop_does_not_reach_the_caller(end):
    """A stopping aiokafka consumer can raise its own task's cancellation, which silently ended a takeover."""

    async def stop() -> None:
        await asyncio.sleep(0)
        if end is not None:
            raise end

    await close_quietly(stop())
    assert asyncio.current_task().cancelling() == 0


async def test_a_stop_that_hangs_is_abandoned_after_a_timeout(monkeypatch):
    """Every wait has a limit."""
    monkeypatch.setattr(kafka_shutdown, "STOP_TIMEOUT_SECONDS", 0.01)
    await close_quietly(asyncio.sleep(60))
