"""The retry budget: how many repetitions all requests together may cost the provider."""

import time
from collections.abc import Callable

#: Repetitions for each first attempt. With 30 % of the calls failing every request can still be tried until
#: it succeeds (0.43 repetitions each); a provider that fails altogether gets half as much again, not five times.
SHARE = 0.5
#: Repetitions that can be saved up, and that come with time alone, a second.
RESERVE = 20.0
PER_SECOND = 2.0


class RetryBudget:
    """A bucket of repetitions: filled by first attempts and, slowly, by time."""

    def __init__(
        self,
        share: float = SHARE,
        reserve: float = RESERVE,
        per_second: float = PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with a full bucket."""
        self._share = share
        self._reserve = reserve
        self._per_second = per_second
        self._clock = clock
        self._held = reserve
        self._filled_at = clock()

    def earn(self) -> None:
        """Count a first attempt."""
        self._fill(self._share)

    def spend(self) -> bool:
        """Take one repetition; False: there is none, come again later."""
        self._fill(0.0)
        if self._held < 1.0:
            return False
        self._held -= 1.0
        return True

    def _fill(self, more: float) -> None:
        now = self._clock()
        more += (now - self._filled_at) * self._per_second
        self._filled_at = now
        self._held = min(self._reserve, self._held + more)
