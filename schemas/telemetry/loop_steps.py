"""The longest step of an event loop, as the metric `promo_event_loop_longest_step_seconds`."""

import asyncio

from schemas import metrics, timestamps
from schemas.timestamps import MonotonicSeconds

#: Time between two measurements; a shorter step may fall between them.
INTERVAL_SECONDS = 0.02
#: How long a step stays in the metric, at least: longer than the time between two scrapes.
WINDOW_SECONDS = 30.0


class RecentMaximum:
    """The maximum of what was observed in this window and the one before."""

    def __init__(self, now: MonotonicSeconds) -> None:
        self._window_ends = now + WINDOW_SECONDS
        self._before = self._current = 0.0

    def observe(self, seconds: float, now: MonotonicSeconds) -> float:
        """Return the maximum, with this observation."""
        if now >= self._window_ends:
            self._before, self._current = self._current, 0.0
            self._window_ends = now + WINDOW_SECONDS
        self._current = max(self._current, seconds)
        return max(self._before, self._current)


async def measure() -> None:
    """Measure the steps of the running loop until cancelled.

    Measured is how late a timer of 20 ms is. So a longer step is seen but for those 20 ms at most; steps that run one
    after another in a turn of the loop count as one; and so does time in which the process waits for a processor.
    """
    began = timestamps.monotonic_clock()
    longest = RecentMaximum(began)
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        ended = timestamps.monotonic_clock()
        metrics.loop_longest_step.set(longest.observe(max(0.0, ended - began - INTERVAL_SECONDS), ended))
        began = ended
