"""The clerk: carries one payment request out, however often the provider has to be asked.

An authorisation is tried until its deadline, and so many times; then the stream times the reservation
out by itself. A refund is tried for ever: money that is owed is not forgotten.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Callable

from egress import retrying
from egress.gateway.breaker import Breaker
from egress.gateway.budget import RetryBudget
from egress.gateway.provider import FailedError, Provider, RefusedError, Verdict
from schemas import metrics
from schemas.payments import PaymentRequest

log = logging.getLogger(__name__)

#: The circuit and the retries, in metrics.
NAME = "payments"
#: Calls of the provider at once.
CALLS = 64
#: Attempts at one authorisation; waiting for an open circuit is none.
MOST_ATTEMPTS = 8
#: Longest pauses between two attempts, in seconds.
AUTHORISE_PAUSE = 3.0
REFUND_PAUSE = 30.0


class Clerk:
    """Asks the provider, at most CALLS times at once."""

    def __init__(
        self,
        provider: Provider,
        breaker: Breaker,
        budget: RetryBudget,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take the provider, and what spares it."""
        self._provider = provider
        self._breaker = breaker
        self._budget = budget
        self._now = now
        self._calls = asyncio.Semaphore(CALLS)

    async def carry_out(self, request: PaymentRequest, traceparent: bytes) -> Verdict | None:
        """Return what the provider said; None: given up, its time is over. Raises RefusedError."""
        seconds = None if request.deadline is None else request.deadline / 1000 - self._now()
        if seconds is not None and seconds <= 0:
            return None
        try:
            async with asyncio.timeout(seconds):
                return await self._insist(request, traceparent)
        except TimeoutError:
            return None

    async def _insist(self, request: PaymentRequest, traceparent: bytes) -> Verdict | None:
        self._budget.earn()
        for attempt in itertools.count(1):
            try:
                async with self._calls:
                    return await self._breaker.call(lambda: self._ask(request, traceparent))
            except FailedError as error:
                about = {"order_id": request.order_id, "restaurant_id": request.restaurant_id}
                log.warning("%s, attempt %d: %s", request.kind, attempt, error, extra=about)
            if request.kind == "authorise" and attempt == MOST_ATTEMPTS:
                return None
            await self._pause(attempt, AUTHORISE_PAUSE if request.kind == "authorise" else REFUND_PAUSE)
            metrics.retries.labels(NAME).inc()
        raise AssertionError("unreachable")

    async def _pause(self, attempt: int, most: float) -> None:
        """Wait before the next attempt; longer, where all requests together have no repetition left."""
        while True:
            await asyncio.sleep(retrying.wait(attempt, most))
            if self._budget.spend():
                return
            attempt += 1

    async def _ask(self, request: PaymentRequest, traceparent: bytes) -> Verdict:
        started, result = time.perf_counter(), "failed"
        try:
            verdict = await self._provider.ask(request, traceparent)
            result = verdict.outcome
        except RefusedError:
            result = "refused"
            raise
        finally:
            metrics.payment_calls.labels(request.kind, result).observe(time.perf_counter() - started)
        return verdict
