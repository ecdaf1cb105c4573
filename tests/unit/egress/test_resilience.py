"""The circuit breaker and the retry budget, which spare another system that fails."""

import asyncio

import pytest

from egress.resilience.circuit_breaker import CircuitBreaker
from egress.resilience.errors import AccessError, PermanentError, TransientError, is_retryable
from egress.resilience.retry_budget import RetryBudget
from tests.support.egress.metric_values import value
from tests.support.virtual_clock import in_virtual_time

OPEN_SECONDS = 10.0
CALL_SECONDS = 1.0


class Calls:
    """Calls that fail until `fails` is False."""

    def __init__(self) -> None:
        self.fails = True
        self.count = 0
        self.in_flight = 0
        self.max_in_flight = 0

    async def __call__(self) -> str:
        self.count += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        await asyncio.sleep(CALL_SECONDS)
        self.in_flight -= 1
        if self.fails:
            raise TransientError("a planned failure")
        return "done"


async def opened(calls: Calls, name: str) -> CircuitBreaker:
    breaker = CircuitBreaker(name, threshold=3, open_seconds=OPEN_SECONDS)
    for _ in range(3):
        with pytest.raises(TransientError):
            await breaker.call(calls)
    return breaker


def shown(name: str) -> float:
    return value("promo_circuit_breaker_state", name=name)


@in_virtual_time
async def test_opens_half_opens_and_closes() -> None:
    """Contract: `promo_circuit_breaker_state{name}`."""
    calls = Calls()
    breaker = await opened(calls, "t1")
    assert (breaker.state, shown("t1"), calls.count) == ("open", 2, 3)
    now = asyncio.get_running_loop().time
    started = now()
    calls.fails = False
    probing = asyncio.ensure_future(breaker.call(calls))
    await asyncio.sleep(OPEN_SECONDS - 0.1)
    assert (shown("t1"), calls.count) == (2, 3), "no call while it is open"
    await asyncio.sleep(0.2)
    assert (shown("t1"), calls.count) == (1, 4)
    assert await probing == "done" and now() - started == pytest.approx(OPEN_SECONDS + CALL_SECONDS)
    assert shown("t1") == 0


@in_virtual_time
async def test_calls_are_serial_until_closed() -> None:
    """A system that recovers is not overrun by the callers that have waited; then calls are parallel again."""
    calls = Calls()
    breaker = await opened(calls, "t2")
    calls.fails, calls.max_in_flight = False, 0
    assert await asyncio.gather(*(breaker.call(calls) for _ in range(50))) == ["done"] * 50
    assert calls.max_in_flight > 10 and calls.count == 53
    calls.fails = True
    await asyncio.gather(*(breaker.call(calls) for _ in range(20)), return_exceptions=True)
    calls.count = calls.max_in_flight = 0
    waiting = [asyncio.ensure_future(breaker.call(calls)) for _ in range(20)]
    await asyncio.sleep(2.5 * OPEN_SECONDS)
    assert calls.max_in_flight == 1 and calls.count == 2, "one probe each time it was open"
    for task in waiting:
        task.cancel()


@in_virtual_time
async def test_permanent_error_is_no_failure() -> None:
    """One caller's bad requests must not cut off all others."""
    breaker = CircuitBreaker("t3", threshold=2)

    async def refuse() -> None:
        raise PermanentError("no")

    for _ in range(5):
        with pytest.raises(PermanentError):
            await breaker.call(refuse)
    assert breaker.state == "closed"


@in_virtual_time
async def test_rejected_credentials_open_the_circuit_at_once() -> None:
    """All other calls have the same credentials."""
    breaker = CircuitBreaker("t3b", threshold=10, open_seconds=OPEN_SECONDS)

    async def reject() -> None:
        raise AccessError("401: no", "credentials", 401)

    with pytest.raises(AccessError):
        await breaker.call(reject)
    assert (breaker.state, shown("t3b")) == ("open", 2)


@in_virtual_time
async def test_cancelled_caller() -> None:
    """A rebalance cancels callers. The call runs to its end, and its result counts."""
    calls = Calls()
    breaker = await opened(calls, "t4")
    await asyncio.sleep(OPEN_SECONDS)
    probe = asyncio.ensure_future(breaker.call(calls))
    await asyncio.sleep(CALL_SECONDS / 2)
    probe.cancel()
    await asyncio.sleep(CALL_SECONDS)
    assert breaker.state == "open" and calls.count == 4


@in_virtual_time
async def test_probe_of_a_cancelled_caller_is_waited_for() -> None:
    """In a half-open circuit one call is in flight, also if its caller was cancelled."""
    calls = Calls()
    breaker = await opened(calls, "t5")
    await asyncio.sleep(OPEN_SECONDS)
    calls.fails, calls.max_in_flight = False, 0
    probe = asyncio.ensure_future(breaker.call(calls))
    await asyncio.sleep(CALL_SECONDS / 2)
    probe.cancel()
    assert await breaker.call(calls) == "done"
    assert calls.max_in_flight == 1 and breaker.state == "closed"


@in_virtual_time
async def test_late_results_do_not_count() -> None:
    """A call that began before the circuit opened says nothing about the system now."""
    calls, release = Calls(), asyncio.Event()
    breaker = CircuitBreaker("t6", threshold=1, open_seconds=OPEN_SECONDS)

    async def slow() -> str:
        await release.wait()
        return "late"

    late = asyncio.ensure_future(breaker.call(slow))
    await asyncio.sleep(0)
    with pytest.raises(TransientError):
        await breaker.call(calls)
    release.set()
    assert await late == "late" and breaker.state == "open"


def test_retries_are_a_share_of_the_attempts() -> None:
    """Retries are budgeted, so that a slow system is not hit harder; a few come back with time."""
    now = [0.0]
    budget = RetryBudget(tokens_per_attempt=0.5, max_tokens=4, tokens_per_second=1, clock=lambda: now[0])

    def spendable() -> int:
        return next(n for n in range(100) if not budget.spend())

    assert spendable() == 4, "full at first"
    for _ in range(5):
        budget.earn()
    assert spendable() == 2
    now[0] = 1.5
    assert spendable() == 2, "half a token was left"
    now[0] = 100.0
    assert spendable() == 4, "no more than the bucket holds"


@pytest.mark.parametrize(
    ("status", "expected"),
    [(408, True), (425, True), (429, True), (500, True), (503, True), (400, False), (422, False)],
)
def test_retryable_statuses(status: int, expected: bool) -> None:
    """Too slow, too early, too often, or broken: the same request may succeed later."""
    assert is_retryable(status) is expected
