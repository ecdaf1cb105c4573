"""When to try again: soon, then ever later, with full jitter, until its time is over. Pure."""

#: Bounds of the waits, in seconds: the first, by what each is multiplied, the longest.
FIRST_SECONDS = 2.0
FACTOR = 4.0
MOST_SECONDS = 1_800.0


def next_attempt(
    now: float, deadline: float, attempt: int, draw: float, at_least: float = 0.0
) -> float | None:
    """Return when to try after the attempt of this number failed, in seconds since 1970; None: not again.

    `draw` lies in [0, 1). `at_least` is how long the recipient asked to be left alone. The last
    attempt is made at the deadline, so that a recipient who is back by then is told.
    """
    if now >= deadline:
        return None
    bound = min(MOST_SECONDS, FIRST_SECONDS * FACTOR ** min(attempt - 1, 30))
    return min(now + max(draw * bound, at_least), deadline)
