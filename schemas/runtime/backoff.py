"""Capped exponential back-off with full jitter.

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. Clients that failed together
must not come back together, so each draws its wait from the whole range below a growing bound.
"""

import random

#: A bound stops growing after so many attempts: by then every caller's maximum is passed.
_MAX_EXPONENT = 30


def delay(
    attempt: int,
    *,
    first_seconds: float,
    max_seconds: float,
    min_seconds: float = 0.0,
    factor: float = 2.0,
    random_unit: float | None = None,
) -> float:
    """Return the wait in seconds before attempt 1, 2, ..., drawn between `min_seconds` and a bound.

    The bound is `first_seconds` for attempt 1, grows by `factor` with each further attempt, and ends at `max_seconds`.
    `random_unit`, in [0, 1), selects the point of that range; None: a random one.
    """
    unit = random.random() if random_unit is None else random_unit
    bound = min(max_seconds, first_seconds * factor ** min(attempt - 1, _MAX_EXPONENT))
    return min_seconds + unit * (bound - min_seconds)
