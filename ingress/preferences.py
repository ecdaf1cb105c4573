"""What the client prefers (RFC 7240): to wait no longer than so long, or not at all."""

import math
from collections.abc import Iterable

#: Longest wait that a client may ask for, in seconds; more is cut to it.
LONGEST_WAIT = 30.0


def wait_seconds(prefer: Iterable[str], default: float) -> float:
    """Return how long to wait for a decision.

    `wait=N` bounds the wait, with `respond-async` or without; `respond-async` alone means 0.
    A preference that cannot be read is ignored, and the first of equal ones counts.
    """
    wait: float | None = None
    asynchronous = False
    for preference in ",".join(prefer).split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        name = name.strip().lower()
        if name == "respond-async":
            asynchronous = True
        elif name == "wait" and wait is None:
            wait = _seconds(value)
    if wait is not None:
        return wait
    return 0.0 if asynchronous else default


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value.strip().strip('"'))
    except ValueError:
        return None
    return min(seconds, LONGEST_WAIT) if math.isfinite(seconds) and seconds >= 0 else None
