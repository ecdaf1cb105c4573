"""Clients are let go without harm to who lets go."""

import asyncio

import pytest

from schemas import letting_go
from schemas.letting_go import let_go


@pytest.mark.parametrize("end", [asyncio.CancelledError(), ConnectionError(), None])
async def test_how_a_client_ends_does_not_reach_who_lets_it_go(end):
    """aiokafka's consumer raises its own task's cancellation from `stop`: a takeover ended by it, silently."""

    async def stop() -> None:
        await asyncio.sleep(0)
        if end is not None:
            raise end

    await let_go(stop())
    assert asyncio.current_task().cancelling() == 0


async def test_a_client_that_does_not_end_is_left_after_a_while(monkeypatch):
    """Every wait has a limit."""
    monkeypatch.setattr(letting_go, "SECONDS", 0.01)
    await let_go(asyncio.sleep(60))
