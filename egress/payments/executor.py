"""The payment executor: calls the provider until a request is decided.

An authorisation is tried until its deadline, and a limited number of times; then the stream lets the reservation
expire. A refund is tried indefinitely: money that is owed is not forgotten. A provider that rejects our credentials or
address is an outage of ours, for both.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Callable

from egress.payments.provider import PaymentOutcome, PaymentProvider
from egress.resilience.circuit_breaker import CircuitBreaker
from egress.resilience.errors import AccessError, PermanentError, TransientError
from egress.resilience.retry_budget import RetryBudget
from schemas import metrics
from schemas.payments import PaymentRequest
from schemas.runtime import backoff

log = logging.getLogger(__name__)

#: The name of the circuit and of the retries in metrics.
METRICS_NAME = "payments"
#: Calls of the provider in parallel.
MAX_CALLS = 64
#: Attempts at one authorisation. Waiting for an open circuit counts as none.
MAX_AUTHORISE_ATTEMPTS = 8
#: Bounds of the wait between two attempts, in seconds.
FIRST_RETRY_SECONDS = 0.05
MAX_AUTHORISE_RETRY_SECONDS = 3.0
MAX_REFUND_RETRY_SECONDS = 30.0


class PaymentExecutor:
    """Calls the provider through a circuit breaker, with at most MAX_CALLS calls in parallel."""

    def __init__(
        self,
        provider: PaymentProvider,
        breaker: CircuitBreaker,
        budget: RetryBudget,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._provider = provider
        self._breaker = breaker
        self._budget = budget
        self._now = now
        self._calls = asyncio.Semaphore(MAX_CALLS)

    async def execute(self, request: PaymentRequest, traceparent: bytes) -> PaymentOutcome | None:
        """Return the provider's answer, or None after the deadline or the last attempt. Raises PermanentError."""
        seconds = None if request.deadline is None else request.deadline / 1000 - self._now()
        if seconds is not None and seconds <= 0:
            return None
        try:
            async with asyncio.timeout(seconds):
                return await self._retry_until_done(request, traceparent)
        except TimeoutError:
            return None

    async def _retry_until_done(self, request: PaymentRequest, traceparent: bytes) -> PaymentOutcome | None:
        is_authorisation = request.kind == "authorise"
        max_seconds = MAX_AUTHORISE_RETRY_SECONDS if is_authorisation else MAX_REFUND_RETRY_SECONDS
        self._budget.earn()
        for attempt in itertools.count(1):
            try:
                async with self._calls:
                    return await self._breaker.call(lambda: self._call_provider(request, traceparent))
            except TransientError as error:
                about = {"order_id": request.order_id, "restaurant_id": request.restaurant_id}
                log.warning("%s failed, attempt %d: %s", request.kind, attempt, error, extra=about)
            if is_authorisation and attempt == MAX_AUTHORISE_ATTEMPTS:
                return None
            await self._wait_for_retry(attempt, max_seconds)
            metrics.retries.labels(METRICS_NAME).inc()
        raise AssertionError("unreachable")

    async def _wait_for_retry(self, attempt: int, max_seconds: float) -> None:
        """Wait before the next attempt, and on until the budget of all requests allows it."""
        while True:
            await asyncio.sleep(
                backoff.delay(attempt, first_seconds=FIRST_RETRY_SECONDS, max_seconds=max_seconds)
            )
            if self._budget.spend():
                return
            attempt += 1

    async def _call_provider(self, request: PaymentRequest, traceparent: bytes) -> PaymentOutcome:
        started, result = time.perf_counter(), "failed"
        try:
            outcome = await self._provider.perform(request, traceparent)
            result = outcome.status
        except AccessError as error:
            metrics.provider_rejections.labels(error.cause).inc()
            raise
        except PermanentError:
            result = "refused"
            raise
        finally:
            metrics.payment_calls.labels(request.kind, result).observe(time.perf_counter() - started)
        return outcome
