"""Named points in the life of a micro-batch, where tests kill the process or the simulation crashes it."""

import os
import signal
from collections.abc import Callable

BEFORE_BEGIN = "before-begin"
AFTER_PRODUCE = "after-produce"
AFTER_COMMIT = "after-commit"
AFTER_APPLY = "after-apply"
AFTER_ACKNOWLEDGE = "after-acknowledge"
POINTS = (BEFORE_BEGIN, AFTER_PRODUCE, AFTER_COMMIT, AFTER_APPLY, AFTER_ACKNOWLEDGE)

Probe = Callable[[str], None]


def silent(point: str) -> None:
    """Do nothing."""


def kill_at(where: str) -> Probe:
    """Return a probe that sends this process SIGKILL, as `point[:count]` says; empty: never.

    Raises ValueError for a point that does not exist.
    """
    if not where:
        return silent
    wanted, _, count = where.partition(":")
    if wanted not in POINTS:
        raise ValueError(f"no such point: {wanted}; there are {', '.join(POINTS)}")
    left = int(count or 1)

    def probe(point: str) -> None:
        nonlocal left
        if point == wanted:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return probe
