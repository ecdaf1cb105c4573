"""The circuit breaker: after failures in a row no call is made for a while, then one as a probe.

Source: M. Nygard, "Release It!", Pragmatic Bookshelf 2007. While the circuit is not closed, callers wait in line and
their calls are made one at a time, so that a system that comes back is not overrun. The libraries that we know let
callers through in parallel then, or reject them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Literal, TypeVar

from egress.resilience.errors import AccessError, PermanentError
from schemas import metrics

T = TypeVar("T")
CircuitState = Literal["closed", "half-open", "open"]

log = logging.getLogger(__name__)

#: Failures in a row that open it. If a third of the calls fails by chance, one run in 59,000 is as long.
FAILURE_THRESHOLD = 10
#: How long it stays open, in seconds.
OPEN_SECONDS = 2.0

#: The value of `promo_circuit_breaker_state` for each state.
STATE_VALUES: dict[CircuitState, int] = {"closed": 0, "half-open": 1, "open": 2}


class CircuitBreaker:
    """One circuit. A PermanentError counts as success: the system answered. An AccessError opens it at once."""

    def __init__(
        self,
        name: str,
        threshold: int = FAILURE_THRESHOLD,
        open_seconds: float = OPEN_SECONDS,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        """Create a closed circuit.

        Args:
            name: of the circuit, in the log and in metrics.
            on_change: called when the state has changed; None: the metric of this name shows it.
        """
        self.state: CircuitState = "closed"
        self._name = name
        self._threshold = threshold
        self._open_seconds = open_seconds
        self._on_change = on_change or self._show
        self._changes = 0
        self._failures = 0
        self._opened_at = 0.0
        self._turn = asyncio.Lock()
        self._calls: set[asyncio.Future[Any]] = set()  # referenced, or they would be collected
        self._probe: asyncio.Future[Any] | None = None
        self._on_change()

    async def call(self, make: Callable[[], Awaitable[T]]) -> T:
        """Await `make()` when the circuit allows it; return or raise what it does.

        A caller that is cancelled stops waiting. A call that was begun runs to its end, and counts.
        """
        if not self._is_closed():
            async with self._turn:
                await self._until_next_call()
                if not self._is_closed():
                    if self.state == "open":
                        self._change("half-open")
                    self._probe = probe = self._begin(make)
                    return await asyncio.shield(probe)
        return await asyncio.shield(self._begin(make))

    async def _until_next_call(self) -> None:
        """Return when the circuit is closed, or has been open for its time and no probe is in flight."""
        now = asyncio.get_running_loop().time
        while not self._is_closed():
            if self._probe is not None and not self._probe.done():  # its caller was cancelled
                await asyncio.wait([self._probe])
            elif self.state == "open" and (remaining := self._opened_at + self._open_seconds - now()) > 0:
                await asyncio.sleep(remaining)
            else:
                return

    def _is_closed(self) -> bool:
        return self.state == "closed"

    def _begin(self, make: Callable[[], Awaitable[T]]) -> "asyncio.Future[T]":
        call = asyncio.ensure_future(make())
        self._calls.add(call)
        call.add_done_callback(partial(self._record, self._changes))
        return call

    def _record(self, changes: int, call: "asyncio.Future[Any]") -> None:
        self._calls.discard(call)
        if call.cancelled():
            return
        error = call.exception()
        if changes != self._changes:  # begun in an earlier state: it says nothing about this one
            return
        if error is None or isinstance(error, PermanentError):
            self._failures = 0
            if self.state == "half-open":
                self._change("closed")
            return
        self._failures += 1
        is_shut_out = isinstance(error, AccessError)
        if self.state == "half-open" or is_shut_out or self._failures >= self._threshold:
            self._opened_at = asyncio.get_running_loop().time()
            self._change("open")

    def _change(self, state: CircuitState) -> None:
        self.state = state
        self._changes += 1
        self._failures = 0
        log.warning("circuit %s is %s", self._name, state)
        self._on_change()

    def _show(self) -> None:
        metrics.circuit_breaker_state.labels(self._name).set(STATE_VALUES[self.state])
