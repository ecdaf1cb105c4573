"""Capped exponential back-off with full jitter.

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. Clients that failed together
must not come back together, so each draws its wait from the whole range below a growing bound.
"""

import random

#: A bound stops growing after so many attempts: by then every caller's maximum is passed.
_MAX_EXPONENT = 30


def full_jitter(
    attempt: int,
    random_unit: float,
    *,
    first_seconds: float,
    max_seconds: float,
    min_seconds: float = 0.0,
    factor: float = 2.0,
) -> float:
    """Return the wait in seconds before attempt 1, 2, ...

    `random_unit` lies in [0, 1) and selects a point between `min_seconds` and the bound. The bound is `first_seconds`
    for attempt 1, grows by `factor` with each further attempt, and ends at `max_seconds`.
    """
    bound = min(max_seconds, first_seconds * factor ** min(attempt - 1, _MAX_EXPONENT))
    return min_seconds + random_unit * (bound - min_seconds)


def delay(attempt: int, *, first_seconds: float, max_seconds: float, min_seconds: float = 0.0) -> float:
    """Return `full_jitter` of a random number: the wait in seconds before attempt 1, 2, ..."""
    return full_jitter(
        attempt,
        random.random(),
        first_seconds=first_seconds,
        max_seconds=max_seconds,
        min_seconds=min_seconds,
    )
