"""Admission: laws of its limit, on a simulated queue in virtual time."""

import heapq
import itertools
import random
from collections import deque
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct, field

from ingress.commands.admission import MIN_LIMIT, REJECT_PAGES_SHARE, REJECT_READS_SHARE, Admission, Pressure

MAX_LIMIT, TARGET = 1000, 0.035
#: Time in which the limit is found, in seconds; it is not measured.
WARM_UP = 3.0


class Outcome(Struct):
    """What became of commands that arrived after the warm-up."""

    delays: list[float] = field(default_factory=list)
    rejected: int = 0

    def p95(self) -> float:
        return sorted(self.delays)[int(len(self.delays) * 0.95)]


def simulate(
    capacity: float, offered: float, seconds: float, *, seed: int = 0, stalled: float = 0.0
) -> Outcome:
    """Simulate an M/M/1 queue behind admission; rates are per second.

    `stalled`: share of the commands that are never decided, like those of a partition without a worker.
    """
    rng = random.Random(seed)
    admission, outcome = Admission(MAX_LIMIT, TARGET), Outcome()
    waiting: deque[float] = deque()
    stalled_since: list[float] = []
    events: list[tuple[float, int, str]] = [(0.0, 0, "arrival")]
    order = itertools.count(1)
    is_busy = False
    while events:
        now, _, event = heapq.heappop(events)
        if admission.is_interval_over(now):
            admission.end_interval(now)
        if event == "arrival":
            if now < seconds:
                heapq.heappush(events, (now + rng.expovariate(offered), next(order), "arrival"))
            counted = sum(at > now - 1.0 for at in stalled_since)
            if admission.pressure(len(waiting) + counted) >= Pressure.ORDERS:
                admission.record_rejection()
                outcome.rejected += now > WARM_UP
            elif rng.random() < stalled:
                stalled_since.append(now)
            else:
                waiting.append(now)
        else:
            is_busy = False
            arrived = waiting.popleft()
            admission.record_decision(now - arrived, now - arrived)
            if arrived > WARM_UP:
                outcome.delays.append(now - arrived)
        if waiting and not is_busy:
            is_busy = True
            heapq.heappush(events, (now + rng.expovariate(capacity), next(order), "decision"))
    return outcome


def test_goodput_holds_at_3x_overload() -> None:
    """At 3x capacity goodput stays >= 90 % of the peak and p95 of accepted orders <= 300 ms."""
    for capacity in (200, 600, 2500):
        outcome = simulate(capacity, 3 * capacity, 12.0)
        assert len(outcome.delays) >= 0.9 * capacity * (12.0 - WARM_UP)
        assert outcome.p95() <= 0.3
        assert outcome.rejected > capacity


def test_base_delay_does_not_reduce_goodput() -> None:
    """Transactions of half a second are not a queue: fewer commands in flight would only be fewer decided."""
    rng, admission = random.Random(1), Admission(MAX_LIMIT, TARGET)
    in_flight: deque[float] = deque()
    offered = rejected = 0
    now = 0.0
    while now < 30.0:
        now += rng.expovariate(200)
        while in_flight and in_flight[0] <= now - 0.5:
            delay = now - in_flight.popleft()
            admission.record_decision(delay, delay)
        if admission.is_interval_over(now):
            admission.end_interval(now)
        offered += 1
        if admission.pressure(len(in_flight)) >= Pressure.ORDERS:
            admission.record_rejection()
            rejected += 1
        else:
            in_flight.append(now)
    assert rejected < 0.25 * offered


def test_law_fails_without_admission() -> None:
    """The law of goodput can fail: with an infinite target the limit never shrinks."""
    lenient = Admission(MAX_LIMIT, target_delay_seconds=1e9)
    for now in (1.0, 1.25, 1.5):
        lenient.record_decision(5.0, 5.0)
        lenient.end_interval(now)
    assert lenient.limit == MAX_LIMIT


def test_tail_of_stall_rejects_nothing() -> None:
    """After a worker's stall its backlog is decided at once, and one congested interval does not shrink the limit."""
    admission = Admission(MAX_LIMIT, TARGET)
    for _ in range(3):
        admission.record_decision(4.0, 4.0)
    admission.end_interval(0.25)
    assert admission.limit == MAX_LIMIT


@given(st.integers(900, 1000), st.integers(250, 500), st.integers(0, 100))
@settings(max_examples=15, deadline=None)
def test_burst_within_limit_is_admitted(burst: int, capacity: int, seed: int) -> None:
    """A burst of one second that fits in the limit is admitted, however fast it is decided."""
    rng, admission = random.Random(seed), Admission(MAX_LIMIT, TARGET)
    waiting: deque[float] = deque()
    free_at = 0.0
    for now in (number / burst for number in range(burst)):
        while waiting and (done := max(free_at, waiting[0]) + rng.expovariate(capacity)) <= now:
            arrived = waiting.popleft()
            admission.record_decision(done - arrived, done - arrived)
            free_at = done
        if admission.is_interval_over(now):
            admission.end_interval(now)
        assert admission.pressure(len(waiting)) < Pressure.ORDERS
        waiting.append(now)


@given(st.integers(400, 3000), st.floats(0.1, 0.85), st.integers(0, 100))
@settings(max_examples=15, deadline=None)
def test_nothing_is_rejected_below_capacity(capacity: int, share: float, seed: int) -> None:
    """At up to 85 % of the capacity no order is rejected."""
    assert simulate(capacity, share * capacity, 6.0, seed=seed).rejected == 0


def test_rebalance_rejects_nothing() -> None:
    """Commands of one partition wait for its next worker; the others are decided as fast as before."""
    outcome = simulate(600, 150, 8.0, stalled=1 / 3)
    assert outcome.rejected == 0


def test_slow_payments_reject_nothing() -> None:
    """A long delay outside our queues does not shrink the limit."""
    admission = Admission(MAX_LIMIT, TARGET)
    for number in range(40):
        admission.record_decision(2.0, 0.02)
        admission.end_interval(0.25 * (number + 1))
    assert admission.limit == MAX_LIMIT


@given(
    st.lists(st.tuples(st.integers(0, 400), st.floats(0.0, 10.0), st.booleans(), st.booleans()), max_size=60),
    st.integers(1, 2000),
)
def test_limit_stays_within_bounds(intervals: list[tuple[int, float, bool, bool]], max_limit: int) -> None:
    """Whatever is measured, the limit stays between its minimum and its maximum."""
    admission = Admission(max_limit, TARGET)
    for number, (decided, delay, is_known, has_rejected) in enumerate(intervals, start=1):
        for _ in range(decided):
            admission.record_decision(delay, delay if is_known else None)
        if has_rejected:
            admission.record_rejection()
        admission.end_interval(number * 0.25)
        assert min(max_limit, MIN_LIMIT) <= admission.limit <= max_limit


@given(st.lists(st.integers(0, 300), min_size=1, max_size=50))
def test_pressure_grows_with_commands_in_flight(counts: list[int]) -> None:
    """Pages are rejected first, then reads, then orders."""
    admission = Admission(100, TARGET)
    levels = [admission.pressure(count) for count in sorted(counts)]
    assert levels == sorted(levels)
    shares = {Pressure.PAGES: REJECT_PAGES_SHARE, Pressure.READS: REJECT_READS_SHARE, Pressure.ORDERS: 1.0}
    for level, share in shares.items():
        assert admission.pressure(int(100 * share)) == level
        assert admission.pressure(int(100 * share) - 1) < level


def intervals_until(limit: float, admission: Admission) -> Iterator[float]:
    now = 10.0
    while admission.limit < limit:
        admission.end_interval(now := now + 0.25)
        yield now


def test_limit_recovers_after_overload() -> None:
    """From the minimum to the maximum within 3 s."""
    admission = Admission(MAX_LIMIT, TARGET)
    for now in (9.0, 9.25, 9.5, 9.75, 10.0):
        admission.record_decision(5.0, 5.0)
        admission.end_interval(now)
    assert admission.limit == MIN_LIMIT
    assert len(list(intervals_until(MAX_LIMIT, admission))) * 0.25 <= 3.0
