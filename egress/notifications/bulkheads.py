"""Bulkheads: concurrency and a circuit breaker per recipient, so that a slow or broken one delays no other."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec import Struct

from egress.resilience.circuit_breaker import STATE_VALUES, CircuitBreaker
from schemas import metrics

T = TypeVar("T")

#: Deliveries in flight or waiting for a retry, of all recipients; at the limit no more records are read.
MAX_PENDING = 10_000
#: Consecutive failures of a recipient that open its circuit, and how long it stays open.
FAILURE_THRESHOLD = 5
CIRCUIT_OPEN_SECONDS = 20.0


class Bulkhead(Struct):
    """One recipient: as many attempts at a time as `slots`, one at a time while the circuit is not closed."""

    breaker: CircuitBreaker
    slots: asyncio.Semaphore
    pending: int = 0  # deliveries


class Bulkheads:
    """The bulkheads of one channel. A bulkhead exists while its recipient has pending deliveries."""

    def __init__(
        self, channel: str, max_concurrency: int, circuit_open_seconds: float = CIRCUIT_OPEN_SECONDS
    ) -> None:
        self._channel = channel
        self._max_concurrency = max_concurrency
        self._circuit_open_seconds = circuit_open_seconds
        self._bulkheads: dict[str, Bulkhead] = {}  # by recipient

    def pending(self, recipient: str) -> int:
        """Return the number of pending deliveries of a recipient."""
        bulkhead = self._bulkheads.get(recipient)
        return bulkhead.pending if bulkhead is not None else 0

    def enter(self, recipient: str) -> None:
        """Count a delivery as pending."""
        if recipient not in self._bulkheads:
            name = f"{self._channel} {recipient}"
            breaker = CircuitBreaker(name, FAILURE_THRESHOLD, self._circuit_open_seconds, self._update_metric)
            self._bulkheads[recipient] = Bulkhead(breaker, asyncio.Semaphore(self._max_concurrency))
        self._bulkheads[recipient].pending += 1

    def leave(self, recipient: str) -> None:
        """Count a delivery as ended; drops the bulkhead, and its circuit, with the last one."""
        bulkhead = self._bulkheads[recipient]
        bulkhead.pending -= 1
        if not bulkhead.pending:
            del self._bulkheads[recipient]
            self._update_metric()

    async def attempt(self, recipient: str, send: Callable[[], Awaitable[T]]) -> T:
        """Wait for a slot of a recipient that has entered and for its circuit; return or raise what `send` does."""
        bulkhead = self._bulkheads[recipient]
        async with bulkhead.slots:
            return await bulkhead.breaker.call(send)

    def _update_metric(self) -> None:
        """Set the metric to the worst circuit of the channel."""
        states = (STATE_VALUES[bulkhead.breaker.state] for bulkhead in self._bulkheads.values())
        metrics.circuit_breaker_state.labels(self._channel).set(max(states, default=0))


def admits(pending: int, free: int) -> bool:
    """Return True if a recipient with `pending` deliveries may have one more while `free` slots are left.

    A recipient may use at most as many slots as are free. So one broken recipient holds at most 1/2 of
    all slots, ten hold at most 10/11, and the others always find room.
    """
    return pending < free
