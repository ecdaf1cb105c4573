"""Waits between attempts."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.runtime.backoff import delay


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_waits_are_bounded(attempt: int, random_unit: float) -> None:
    """However long a server is down, the next attempt is soon."""
    assert 0 <= delay(attempt, random_unit=random_unit, first_seconds=0.05, max_seconds=2.0) <= 2.0
    assert 0 <= delay(attempt, first_seconds=0.05, max_seconds=2.0) <= 2.0


def test_the_bound_grows_and_chance_spreads_the_wait() -> None:
    """Full jitter: clients that failed together do not retry together."""
    bounds = [delay(n, random_unit=1.0, first_seconds=1.0, max_seconds=3.0) for n in (1, 2, 3)]
    assert bounds == [1.0, 2.0, 3.0]
    assert delay(2, random_unit=1.0, first_seconds=1.0, max_seconds=9.0, factor=4.0) == 4.0
    assert delay(3, random_unit=0.5, first_seconds=1.0, max_seconds=9.0) == 2.0


def test_a_minimum_is_kept() -> None:
    """Where an immediate attempt would cost too much."""
    spread = [
        delay(1, random_unit=u, first_seconds=0.6, max_seconds=0.6, min_seconds=0.2) for u in (0.0, 1.0)
    ]
    assert spread == [0.2, 0.6]
