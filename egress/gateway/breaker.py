"""The circuit breaker: after failures in a row calls rest, then one is let through to see.

The states are purgatory's. Ours is what it leaves to its user: while the breaker is not closed, calls
go one at a time in the order of their coming, so that a provider that comes back is not run over.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from purgatory import AsyncCircuitBreakerFactory, ContextChanged, Event
from purgatory.domain.model import CLOSED, HALF_OPENED, OPENED, OpenedState
from purgatory.service._async.circuitbreaker import AsyncCircuitBreaker
from purgatory.typing import StateName

from egress.gateway.provider import RefusedError
from schemas import metrics

T = TypeVar("T")

log = logging.getLogger(__name__)

#: Failures in a row that open it: with a third of the calls failing by chance, one in 59,000.
THRESHOLD = 10
#: How long calls rest then, in seconds.
REST_SECONDS = 2.0

#: What each state is in metrics.
SHOWN: dict[StateName, int] = {CLOSED: 0, HALF_OPENED: 1, OPENED: 2}


class Breaker:
    """One circuit."""

    def __init__(self, circuit: AsyncCircuitBreaker, show: Callable[[], None] | None) -> None:
        """Take the circuit; see `make`."""
        self._circuit = circuit
        self._show = show or self._show_alone
        self._show()
        self._turn = asyncio.Lock()
        self._under_way: set[asyncio.Task[None]] = set()

    @classmethod
    async def make(
        cls,
        name: str,
        threshold: int = THRESHOLD,
        rest_seconds: float = REST_SECONDS,
        answer: type[Exception] = RefusedError,
        show: Callable[[], None] | None = None,
    ) -> "Breaker":
        """Return a closed breaker.

        An `answer` counts as no failure: who refuses works. `show` is called whenever the state may have
        changed; None: it is shown under its name.
        """
        factory = AsyncCircuitBreakerFactory(threshold, rest_seconds, exclude=[answer])
        factory.add_listener(_tell)
        return cls(await factory.get_breaker(name), show)

    @property
    def state(self) -> StateName:
        """Say `closed`, `half-opened` or `opened`."""
        return self._circuit.context.state

    async def call(self, make: Callable[[], Awaitable[T]]) -> T:
        """Make the call when its turn has come, and return or raise what it does.

        Cancelled, the caller leaves; a call that is under way is made to its end, and counted.
        """
        while True:
            try:
                return await self._in_turn(make)
            except OpenedState:  # it opened between our look and the call
                continue

    async def _in_turn(self, make: Callable[[], Awaitable[T]]) -> T:
        if self.state != CLOSED:
            async with self._turn:
                await self._rest()
                if self.state != CLOSED:
                    return await self._make(make)
        return await self._make(make)

    async def _rest(self) -> None:
        """Return when purgatory will let the next call through: to an open breaker it would only say so."""
        while self.state == OPENED:
            rests_until = (self._circuit.context.opened_at or 0.0) + self._circuit.context.ttl
            if (remaining := rests_until - time.time()) < 0:
                return
            await asyncio.sleep(remaining + 0.001)

    async def _make(self, make: Callable[[], Awaitable[T]]) -> T:
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._counted(make, outcome))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await outcome

    async def _counted(self, make: Callable[[], Awaitable[T]], outcome: "asyncio.Future[T]") -> None:
        try:
            async with self._circuit:
                self._show()
                result = await make()
        except Exception as error:
            if not outcome.done():
                outcome.set_exception(error)
        else:
            if not outcome.done():
                outcome.set_result(result)
        finally:
            self._show()

    def _show_alone(self) -> None:
        metrics.circuit_breaker_state.labels(self._circuit.context.name).set(SHOWN[self.state])


def _tell(name: str, kind: str, event: Event) -> None:
    if isinstance(event, ContextChanged):
        log.warning("the circuit %s is %s", name, event.state)
