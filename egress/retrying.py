"""How long to wait before the next attempt: capped, with full jitter."""

import random

#: The first bound and the last, in seconds.
FIRST_SECONDS = 0.05
MOST_SECONDS = 2.0


def backoff(attempt: int, draw: float, most: float | None = None) -> float:
    """Return the wait before attempt 1, 2, ...; `draw` lies in [0, 1), `most` is the last bound where it differs."""
    return draw * min(MOST_SECONDS if most is None else most, FIRST_SECONDS * 2.0 ** min(attempt - 1, 30))


def wait(attempt: int, most: float | None = None) -> float:
    """Return the wait before attempt 1, 2, ..., drawn."""
    return backoff(attempt, random.random(), most)
