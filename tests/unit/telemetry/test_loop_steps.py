"""The metric of the longest step of an event loop."""

import asyncio
import time

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from schemas.runtime.cancellation import in_background
from schemas.telemetry import loop_steps
from schemas.telemetry.loop_steps import WINDOW_SECONDS, RecentMaximum

NAME = "promo_event_loop_longest_step_seconds"


@given(st.lists(st.tuples(st.floats(0.0, 20.0), st.floats(0.0, 2.0)), min_size=1, max_size=60))
def test_a_step_stays_for_a_window_and_not_for_three(observed: list[tuple[float, float]]) -> None:
    """A scrape every half minute sees each step, and an alert ends when the steps do."""
    now, recent = 0.0, RecentMaximum(0.0)
    seen: list[tuple[float, float]] = []
    for pause, seconds in observed:
        now += pause
        seen.append((now, seconds))
        value = recent.observe(seconds, now)
        assert value >= max(s for at, s in seen if at > now - WINDOW_SECONDS)
        assert value <= max(s for at, s in seen if at > now - 3 * WINDOW_SECONDS)


async def test_a_step_that_blocks_the_loop_is_measured() -> None:
    """Less the 20 ms between two measurements."""
    async with in_background(loop_steps.measure()):
        await asyncio.sleep(0)  # the measurement begins
        asyncio.get_running_loop().call_soon(time.sleep, 0.2)
        async with asyncio.timeout(10):
            while (REGISTRY.get_sample_value(NAME) or 0.0) < 0.17:
                await asyncio.sleep(0.01)
