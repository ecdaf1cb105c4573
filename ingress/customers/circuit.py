"""A circuit that fails fast: customers wait, so a system that is out is not asked for each of them.

Egress's circuit breaker lets callers wait in line, which suits records of a topic (M. Nygard, "Release It!", 2007).
"""

from collections.abc import Awaitable, Callable

from ingress.http.problems import Unavailable
from schemas import metrics
from schemas.timestamps import MonotonicSeconds, monotonic_clock

#: Failures in a row that open it, and how long no call is made then, in seconds.
FAILURE_THRESHOLD, OPEN_SECONDS = 5, 2.0
#: Calls that may be in flight.
MAX_IN_FLIGHT = 200


class Circuit:
    """Makes calls, or raises Unavailable while the called system is out or overrun."""

    def __init__(self, name: str, now: Callable[[], MonotonicSeconds] = monotonic_clock) -> None:
        """Args:
        name: of the circuit in metrics.
        now: the clock.
        """
        self._state = metrics.circuit_breaker_state.labels(name)
        self._now = now
        self._failures = 0
        self._in_flight = 0
        self._closed_from = now()

    def require_closed(self) -> None:
        """Raise Unavailable unless a call would be made now."""
        if self._in_flight >= MAX_IN_FLIGHT or self._now() < self._closed_from:
            raise Unavailable()

    async def call(self, make: Callable[[], Awaitable[None]]) -> None:
        """Make the call; raises Unavailable if the circuit is open, and what the call raises."""
        self.require_closed()
        if self._failures >= FAILURE_THRESHOLD:
            self._open()  # this call is the probe; others wait for its outcome
        self._in_flight += 1
        try:
            await make()
        except Exception:
            self._failures += 1
            if self._failures >= FAILURE_THRESHOLD:
                self._open()
            raise
        finally:
            self._in_flight -= 1
        self._failures = 0
        self._closed_from = self._now()
        self._state.set(0)

    def _open(self) -> None:
        self._closed_from = MonotonicSeconds(self._now() + OPEN_SECONDS)
        self._state.set(2)
