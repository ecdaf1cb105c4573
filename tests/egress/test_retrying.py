"""Waits between attempts."""

from hypothesis import given
from hypothesis import strategies as st

from egress.retrying import FIRST_SECONDS, MOST_SECONDS, backoff, wait


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_waits_are_bounded_and_never_negative(attempt: int, draw: float) -> None:
    """However long Redis is away, the next attempt is never far."""
    assert 0 <= backoff(attempt, draw) <= MOST_SECONDS


def test_the_bound_doubles_and_the_draw_spreads_it() -> None:
    """Full jitter: those who failed together do not come back together."""
    assert [backoff(n, 1.0) for n in (1, 2, 3)] == [FIRST_SECONDS, 2 * FIRST_SECONDS, 4 * FIRST_SECONDS]
    assert backoff(3, 0.5) == 2 * FIRST_SECONDS and wait(1) <= FIRST_SECONDS
