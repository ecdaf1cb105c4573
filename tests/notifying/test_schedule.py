"""When a delivery is tried again: the policy, by a clock that is only counted."""

from collections.abc import Callable
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from egress.notifying import schedule
from egress.notifying.lanes import admits
from egress.notifying.schedule import next_attempt


def attempts(budget: float, draw: Callable[[], float], at_least: float = 0.0) -> list[float]:
    """When a delivery is tried that never succeeds."""
    now, at = 0.0, [0.0]
    while (due := next_attempt(now, budget, len(at), draw(), at_least)) is not None:
        now = due
        at.append(due)
        assert len(at) < 1_000, "it is tried for ever"
    return at


@given(st.integers(60, 86_400), st.integers())
def test_every_delivery_is_given_up_and_never_before_its_time(budget: int, seed: int) -> None:
    """Retries go on for hours at most; the last attempt is made when its time ends."""
    at = attempts(budget, Random(seed).random)
    assert at == sorted(at) and at[-1] == budget


@given(st.integers())
def test_waits_are_drawn_from_the_whole_of_a_growing_bound(seed: int) -> None:
    """Full jitter: those who failed together do not come back together; soon at first, then rarely."""
    random = Random(seed)
    for attempt in range(1, 20):
        draw = random.random()
        bound = min(schedule.MOST_SECONDS, schedule.FIRST_SECONDS * schedule.FACTOR ** (attempt - 1))
        assert next_attempt(100.0, 1e9, attempt, draw) == 100.0 + draw * bound
    assert bound == schedule.MOST_SECONDS


def test_a_day_of_failure_costs_no_more_than_a_hundred_attempts() -> None:
    """What is retried must not hit a broken part harder."""
    assert len(attempts(86_400, lambda: 0.5)) < 110
    assert len(attempts(21_600, lambda: 0.5)) < 35


def test_who_asks_to_be_left_alone_is_left_alone() -> None:
    """429 with Retry-After, within the delivery's time."""
    assert next_attempt(0.0, 1_000.0, 1, 0.5, at_least=120.0) == 120.0
    assert next_attempt(0.0, 1_000.0, 1, 0.5, at_least=3_600.0) == 1_000.0


@given(st.lists(st.integers(0, 30), min_size=1, max_size=3_000))
def test_no_set_of_broken_recipients_takes_all_places(arrivals: list[int]) -> None:
    """One slow endpoint never holds up the others, nor do ten."""
    most, pending = 1_000, dict.fromkeys(range(31), 0)
    for recipient in arrivals:
        if admits(pending[recipient], most - sum(pending.values())):
            pending[recipient] += 1
    assert sum(pending.values()) < most and admits(0, most - sum(pending.values()))
    assert max(pending.values()) <= most // 2
