"""What spares the provider: the breaker, the budget; and the progress that loses nothing."""

import asyncio
import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.gateway.breaker import Breaker
from egress.gateway.budget import RetryBudget
from egress.gateway.progress import Progress
from egress.gateway.provider import FailedError, RefusedError
from schemas import metrics

REST = 0.2


class Line:
    """Calls that fail until they are told to succeed."""

    def __init__(self) -> None:
        self.fails = True
        self.calls = 0
        self.at_once = 0
        self.most_at_once = 0

    async def __call__(self) -> str:
        self.calls += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.02)
        self.at_once -= 1
        if self.fails:
            raise FailedError("told to fail")
        return "done"


async def opened(line: Line, name: str) -> Breaker:
    breaker = await Breaker.make(name, threshold=3, rest_seconds=REST)
    for _ in range(3):
        with pytest.raises(FailedError):
            await breaker.call(line)
    return breaker


def shown(name: str) -> float:
    return next(
        s.value for s in metrics.circuit_breaker_state.collect()[0].samples if s.labels["name"] == name
    )


async def test_it_opens_rests_half_opens_and_closes_and_shows_it() -> None:
    """Contract: `promo_circuit_breaker_state{name}`."""
    line = Line()
    breaker = await opened(line, "t1")
    assert (breaker.state, shown("t1"), line.calls) == ("opened", 2, 3)
    started = time.monotonic()
    line.fails = False
    probing = asyncio.ensure_future(breaker.call(line))
    await asyncio.sleep(REST / 2)
    assert line.calls == 3, "calls rest"
    await asyncio.sleep(REST / 2 + 0.01)
    assert shown("t1") == 1
    assert await probing == "done" and time.monotonic() - started >= REST
    assert shown("t1") == 0


async def test_while_it_is_not_closed_calls_go_one_at_a_time() -> None:
    """A provider that comes back is not run over by all that have waited; then they go together again."""
    line = Line()
    breaker = await opened(line, "t2")
    line.fails, line.most_at_once = False, 0
    assert await asyncio.gather(*(breaker.call(line) for _ in range(50))) == ["done"] * 50
    assert line.most_at_once > 10 and line.calls == 53
    line.fails = True
    await asyncio.gather(*(breaker.call(line) for _ in range(20)), return_exceptions=True)
    line.calls = line.most_at_once = 0
    waiting = [asyncio.ensure_future(breaker.call(line)) for _ in range(20)]
    await asyncio.sleep(2.5 * REST)
    assert line.most_at_once == 1 and line.calls == 2, "one probe each time it has rested"
    for task in waiting:
        task.cancel()


async def test_a_refusal_is_an_answer() -> None:
    """Whoever sends nonsense must not cut everybody off."""
    breaker = await Breaker.make("t3", threshold=2)

    async def refuse() -> None:
        raise RefusedError("no")

    for _ in range(5):
        with pytest.raises(RefusedError):
            await breaker.call(refuse)
    assert breaker.state == "closed"


async def test_who_leaves_counts_neither_as_failure_nor_as_success() -> None:
    """A rebalance cancels who waits; the call is made to its end, and that is what counts."""
    line = Line()
    breaker = await opened(line, "t4")
    await asyncio.sleep(REST)
    probe = asyncio.ensure_future(breaker.call(line))
    await asyncio.sleep(0.01)
    probe.cancel()
    await asyncio.sleep(0.03)
    assert breaker.state == "opened" and line.calls == 4


def test_repetitions_are_a_share_of_the_requests_and_a_trickle() -> None:
    """Every retry is budgeted so that a slow part is not hit harder (README, decision 8)."""
    now = [0.0]
    budget = RetryBudget(share=0.5, reserve=4, per_second=1, clock=lambda: now[0])

    def spendable() -> int:
        return next(n for n in range(100) if not budget.spend())

    assert spendable() == 4, "begins with a reserve"
    for _ in range(5):
        budget.earn()
    assert spendable() == 2
    now[0] = 1.5
    assert spendable() == 2, "half a token was left"
    now[0] = 100.0
    assert spendable() == 4, "no more is saved than the reserve"


@settings(deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=30), st.randoms())
def test_the_position_never_passes_a_request_that_is_under_way(gaps: list[int], random: Random) -> None:
    """kill -9 loses none: what is committed is done."""
    progress, offsets = Progress(), [sum(gaps[: n + 1]) for n in range(len(gaps))]
    for offset in offsets:
        progress.begin(offset)
    under_way, done = list(offsets), 0
    random.shuffle(under_way)
    while under_way:
        assert progress.position == min(under_way) >= done
        done = progress.position
        progress.finish(under_way.pop())
    assert progress.position == offsets[-1] + 1
