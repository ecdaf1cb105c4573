"""Bulkheads: concurrency, a circuit breaker and a share of a channel per recipient, so that a slow or broken one delays
no other."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Set
from functools import partial
from typing import NamedTuple, TypeVar

from msgspec import Struct

from egress.notifications.attempt_quotas import UNPROVEN, AttemptQuotas, Standing
from egress.resilience.circuit_breaker import STATE_VALUES, CircuitBreaker
from egress.resilience.errors import PermanentError, TransientError
from schemas import metrics

T = TypeVar("T")

#: Deliveries of a channel in flight or waiting for a retry, of all recipients; near the limit no more are read.
MAX_PENDING = 10_000
#: Consecutive failures of a recipient that open its circuit, and how long it stays open.
FAILURE_THRESHOLD = 5
CIRCUIT_OPEN_SECONDS = 20.0
#: An answer that takes longer counts as none in the standing of its recipient: it holds a connection as silence does.
SLOW_SECONDS = 3.0


class PendingDelivery(NamedTuple):
    """A delivery that counts as pending: of which recipient, and of which site if that has not answered."""

    recipient: str
    unproven_site: str | None


class Bulkhead(Struct):
    """One recipient: as many attempts at a time as `slots`, one at a time while the circuit is not closed."""

    site: str
    breaker: CircuitBreaker
    slots: asyncio.Semaphore
    pending: int = 0  # deliveries


class Bulkheads:
    """The bulkheads of one channel. A bulkhead exists while its recipient has pending deliveries."""

    def __init__(
        self,
        channel: str,
        max_concurrency: int,
        circuit_open_seconds: float = CIRCUIT_OPEN_SECONDS,
        max_pending: int = MAX_PENDING,
        known_sites: Set[str] = frozenset(),
    ) -> None:
        self._channel = channel
        self._max_concurrency = max_concurrency
        self._circuit_open_seconds = circuit_open_seconds
        self._max_unproven = max_pending // 2
        self._reserved = max_pending // 4 if known_sites else 0
        self._bulkheads: dict[str, Bulkhead] = {}  # by recipient
        self._unproven: Counter[str] = Counter()  # pending deliveries by site
        self._unproven_total = 0
        self._quotas = AttemptQuotas(known_sites)
        #: How many more deliveries may be pending.
        self.free = max_pending

    def admits(self, recipient: str, site: str) -> bool:
        """Return True if a recipient of this site may have one more pending delivery.

        Recipients that have not answered share half of all, by site, so those that answer find room whatever they do. A
        quarter of all is left to the services that the channel knows.
        """
        standing = self._quotas.standing(recipient, site)
        free = self.free if standing is Standing.KNOWN else self.free - self._reserved
        if standing in UNPROVEN:
            return has_room(self._unproven[site], min(free, self._max_unproven - self._unproven_total))
        bulkhead = self._bulkheads.get(recipient)
        return has_room(bulkhead.pending if bulkhead is not None else 0, free)

    def enter(self, recipient: str, site: str) -> PendingDelivery:
        """Count a delivery as pending, until it is passed to `leave`."""
        if recipient not in self._bulkheads:
            name = f"{self._channel} {recipient}"
            breaker = CircuitBreaker(name, FAILURE_THRESHOLD, self._circuit_open_seconds, self._update_metric)
            self._bulkheads[recipient] = Bulkhead(site, breaker, asyncio.Semaphore(self._max_concurrency))
        self._bulkheads[recipient].pending += 1
        self.free -= 1
        if self._quotas.standing(recipient, site) not in UNPROVEN:
            return PendingDelivery(recipient, None)
        self._unproven[site] += 1
        self._unproven_total += 1
        return PendingDelivery(recipient, site)

    def leave(self, delivery: PendingDelivery) -> None:
        """Count a delivery as ended; drops the bulkhead, and its circuit, with the last one."""
        self.free += 1
        if delivery.unproven_site is not None:
            self._unproven_total -= 1
            self._unproven[delivery.unproven_site] -= 1
            if not self._unproven[delivery.unproven_site]:
                del self._unproven[delivery.unproven_site]
        bulkhead = self._bulkheads[delivery.recipient]
        bulkhead.pending -= 1
        if not bulkhead.pending:
            del self._bulkheads[delivery.recipient]
            self._update_metric()

    async def attempt(self, recipient: str, send: Callable[[], Awaitable[T]]) -> T:
        """Wait for a slot of a recipient that has entered and for its circuit; return or raise what `send` does.

        The circuit counts what `send` does, not the wait for a slot, which is no failure of the recipient.
        """
        bulkhead = self._bulkheads[recipient]
        async with bulkhead.slots:
            return await bulkhead.breaker.call(partial(self._send, recipient, bulkhead.site, send))

    async def _send(self, recipient: str, site: str, send: Callable[[], Awaitable[T]]) -> T:
        async with self._quotas.slot(recipient, site):
            now = asyncio.get_running_loop().time
            started = now()
            is_answer: bool | None = True
            try:
                return await send()
            except TransientError as error:
                is_answer = error.status is not None
                raise
            except PermanentError as error:
                if error.status is None:  # nothing was sent
                    is_answer = None
                raise
            finally:
                if is_answer is not None:
                    self._quotas.record(recipient, is_answer and now() - started < SLOW_SECONDS)

    def _update_metric(self) -> None:
        """Set the metric to the worst circuit of the channel."""
        states = (STATE_VALUES[bulkhead.breaker.state] for bulkhead in self._bulkheads.values())
        metrics.circuit_breaker_state.labels(self._channel).set(max(states, default=0))


def has_room(pending: int, free: int) -> bool:
    """Return True if one that has `pending` deliveries may have one more while `free` slots are left.

    Each may use at most as many slots as are free. So one that is broken holds at most 1/2 of all slots, ten hold at
    most 10/11, and the others always find room.
    """
    return pending < free
