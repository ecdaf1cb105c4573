"""The bound of undecided commands, on a queue in virtual time."""

import heapq
import itertools
import random
from collections import deque
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct, field

from ingress.admission import LEAST, PAGES_FROM, READS_FROM, Admission, Pressure

MOST, WAIT = 1000, 0.035
#: Before which the bound is still being found, in seconds.
SETTLING = 3.0


class Seen(Struct):
    """What became of those who came after the settling."""

    waits: list[float] = field(default_factory=list)
    turned_away: int = 0

    def p95(self) -> float:
        return sorted(self.waits)[int(len(self.waits) * 0.95)]


def queue(capacity: float, offered: float, seconds: float, *, seed: int = 0, stalled: float = 0.0) -> Seen:
    """Let commands come at random to a server that decides so many a second, one after the other.

    `stalled`: the share of the commands that are never decided, as those of a partition without a worker.
    """
    rng = random.Random(seed)
    admission, seen = Admission(MOST, WAIT), Seen()
    waiting: deque[float] = deque()
    stuck: list[float] = []
    events: list[tuple[float, int, str]] = [(0.0, 0, "come")]
    order = itertools.count(1)
    busy = False
    while events:
        now, _, what = heapq.heappop(events)
        if admission.is_over(now):
            admission.close(now)
        if what == "come":
            if now < seconds:
                heapq.heappush(events, (now + rng.expovariate(offered), next(order), "come"))
            young = sum(at > now - 1.0 for at in stuck)
            if admission.pressure(len(waiting) + young) >= Pressure.ORDERS:
                admission.turned_away()
                seen.turned_away += now > SETTLING
            elif rng.random() < stalled:
                stuck.append(now)
            else:
                waiting.append(now)
        else:
            busy = False
            came = waiting.popleft()
            admission.decided(now - came, now - came)
            if came > SETTLING:
                seen.waits.append(now - came)
        if waiting and not busy:
            busy = True
            heapq.heappush(events, (now + rng.expovariate(capacity), next(order), "decide"))
    return seen


def test_at_three_times_the_capacity_as_much_is_decided_and_nobody_who_is_let_in_waits_for_long() -> None:
    """At 3x capacity goodput stays >= 90 % of the peak and p95 of accepted orders <= 300 ms."""
    for capacity in (200, 600, 2500):
        seen = queue(capacity, 3 * capacity, 12.0)
        assert len(seen.waits) >= 0.9 * capacity * (12.0 - SETTLING)
        assert seen.p95() <= 0.3
        assert seen.turned_away > capacity


def test_a_wait_that_no_shorter_queue_helps_against_is_no_reason_to_decide_less() -> None:
    """Transactions of half a second hold as much as there is: fewer under way would only be fewer decided."""
    rng, admission = random.Random(1), Admission(MOST, WAIT)
    under_way: deque[float] = deque()
    offered = turned_away = 0
    now = 0.0
    while now < 30.0:
        now += rng.expovariate(200)
        while under_way and under_way[0] <= now - 0.5:
            waited = now - under_way.popleft()
            admission.decided(waited, waited)
        if admission.is_over(now):
            admission.close(now)
        offered += 1
        if admission.pressure(len(under_way)) >= Pressure.ORDERS:
            admission.turned_away()
            turned_away += 1
        else:
            under_way.append(now)
    assert turned_away < 0.25 * offered


def test_without_a_bound_the_same_load_would_wait_without_end() -> None:
    """That the law above can fail."""
    generous = Admission(MOST, wait_seconds=1e9)
    for now in (1.0, 1.25, 1.5):
        generous.decided(5.0, 5.0)
        generous.close(now)
    assert generous.bound == MOST


def test_what_is_left_of_a_standstill_turns_nobody_away() -> None:
    """A worker was gone for a while; what waited for it is decided at once, and then all is as before."""
    admission = Admission(MOST, WAIT)
    for _ in range(3):
        admission.decided(4.0, 4.0)
    admission.close(0.25)
    assert admission.bound == MOST


@given(st.integers(900, 1000), st.integers(250, 500), st.integers(0, 100))
@settings(max_examples=15, deadline=None)
def test_a_burst_that_the_queue_has_room_for_is_let_in(burst: int, capacity: int, seed: int) -> None:
    """As many in a second as there is room for, however quickly they are decided."""
    rng, admission = random.Random(seed), Admission(MOST, WAIT)
    waiting: deque[float] = deque()
    free_at = 0.0
    for now in (number / burst for number in range(burst)):
        while waiting and (done := max(free_at, waiting[0]) + rng.expovariate(capacity)) <= now:
            came = waiting.popleft()
            admission.decided(done - came, done - came)
            free_at = done
        if admission.is_over(now):
            admission.close(now)
        assert admission.pressure(len(waiting)) < Pressure.ORDERS
        waiting.append(now)


@given(st.integers(400, 3000), st.floats(0.1, 0.85), st.integers(0, 100))
@settings(max_examples=15, deadline=None)
def test_below_the_capacity_nobody_is_turned_away(capacity: int, share: float, seed: int) -> None:
    assert queue(capacity, share * capacity, 6.0, seed=seed).turned_away == 0


def test_a_partition_that_changes_hands_is_no_reason_to_turn_anybody_away() -> None:
    """Its commands wait for its next worker; the others' are decided as quickly as before."""
    seen = queue(600, 150, 8.0, stalled=1 / 3)
    assert seen.turned_away == 0


def test_a_payment_provider_that_is_slow_is_no_reason_to_turn_anybody_away() -> None:
    admission = Admission(MOST, WAIT)
    for number in range(40):
        admission.decided(2.0, 0.02)
        admission.close(0.25 * (number + 1))
    assert admission.bound == MOST


@given(
    st.lists(st.tuples(st.integers(0, 400), st.floats(0.0, 10.0), st.booleans(), st.booleans()), max_size=60),
    st.integers(1, 2000),
)
def test_the_bound_stays_within_its_limits_whatever_is_measured(
    intervals: list[tuple[int, float, bool, bool]], most: int
) -> None:
    admission = Admission(most, WAIT)
    for number, (decided, waited, known, felt) in enumerate(intervals, start=1):
        for _ in range(decided):
            admission.decided(waited, waited if known else None)
        if felt:
            admission.turned_away()
        admission.close(number * 0.25)
        assert min(most, LEAST) <= admission.bound <= most


@given(st.lists(st.integers(0, 300), min_size=1, max_size=50))
def test_more_undecided_never_means_less_pressure(counts: list[int]) -> None:
    """Pages go first, then reads, then orders."""
    admission = Admission(100, WAIT)
    levels = [admission.pressure(count) for count in sorted(counts)]
    assert levels == sorted(levels)
    shares = {Pressure.PAGES: PAGES_FROM, Pressure.READS: READS_FROM, Pressure.ORDERS: 1.0}
    for level, share in shares.items():
        assert admission.pressure(int(100 * share)) == level
        assert admission.pressure(int(100 * share) - 1) < level


def intervals_until(bound: float, admission: Admission) -> Iterator[float]:
    now = 10.0
    while admission.bound < bound:
        admission.close(now := now + 0.25)
        yield now


def test_when_the_pressure_is_gone_the_bound_is_soon_what_it_was() -> None:
    admission = Admission(MOST, WAIT)
    for now in (9.0, 9.25, 9.5, 9.75, 10.0):
        admission.decided(5.0, 5.0)
        admission.close(now)
    assert admission.bound == LEAST
    assert len(list(intervals_until(MOST, admission))) * 0.25 <= 3.0
