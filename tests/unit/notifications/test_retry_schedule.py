"""The retry schedule, on a simulated clock."""

from collections.abc import Callable
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from egress.notifications.bulkheads import has_room
from egress.notifications.retry_schedule import RetrySchedule

SCHEDULE = RetrySchedule()


def attempts(budget: float, random_unit: Callable[[], float]) -> list[float]:
    """Return the instants at which a delivery that never succeeds is attempted."""
    now, instants = 0.0, [0.0]
    while (due := SCHEDULE.next_attempt(now, budget, len(instants), random_unit())) is not None:
        now = due
        instants.append(due)
        assert len(instants) < 1_000, "retries do not end"
    return instants


@given(st.integers(60, 86_400), st.integers())
def test_last_attempt_is_made_at_the_deadline(budget: int, seed: int) -> None:
    """A delivery is given up after its deadline, and not earlier."""
    instants = attempts(budget, Random(seed).random)
    assert instants == sorted(instants) and instants[-1] == budget


@given(st.integers())
def test_delay_is_drawn_from_the_whole_growing_interval(seed: int) -> None:
    """Full jitter: deliveries that failed together are not retried together."""
    random = Random(seed)
    for attempt in range(1, 20):
        random_unit = random.random()
        bound = min(
            SCHEDULE.max_delay_seconds, SCHEDULE.first_delay_seconds * SCHEDULE.factor ** (attempt - 1)
        )
        assert SCHEDULE.next_attempt(100.0, 1e9, attempt, random_unit) == 100.0 + random_unit * bound
    assert bound == SCHEDULE.max_delay_seconds


def test_a_day_of_failures_costs_about_a_hundred_attempts() -> None:
    """Retries add little load to a recipient that is down."""
    assert len(attempts(86_400, lambda: 0.5)) < 110
    assert len(attempts(21_600, lambda: 0.5)) < 35


def test_retry_after_is_respected_until_the_deadline() -> None:
    """Retry-After is the minimum delay, cut off at the deadline."""
    assert SCHEDULE.next_attempt(0.0, 1_000.0, 1, 0.5, min_delay_seconds=120.0) == 120.0
    assert SCHEDULE.next_attempt(0.0, 1_000.0, 1, 0.5, min_delay_seconds=3_600.0) == 1_000.0


@given(st.lists(st.integers(0, 30), min_size=1, max_size=3_000))
def test_broken_recipients_never_fill_all_slots(arrivals: list[int]) -> None:
    """Ten broken recipients leave room for the others, and one fills at most half of the slots."""
    max_pending, pending = 1_000, dict.fromkeys(range(31), 0)
    for recipient in arrivals:
        if has_room(pending[recipient], max_pending - sum(pending.values())):
            pending[recipient] += 1
    assert sum(pending.values()) < max_pending and has_room(0, max_pending - sum(pending.values()))
    assert max(pending.values()) <= max_pending // 2
