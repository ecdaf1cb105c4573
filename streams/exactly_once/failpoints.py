"""Named points in a micro-batch, where a test kills the process or the simulation crashes it."""

import os
import signal
from collections.abc import Callable, Iterator

from schemas.settings import Settings

BEFORE_BEGIN = "before-begin"
AFTER_PRODUCE = "after-produce"
AFTER_COMMIT = "after-commit"
AFTER_APPLY = "after-apply"
AFTER_ACKNOWLEDGE = "after-acknowledge"
POINTS = (BEFORE_BEGIN, AFTER_PRODUCE, AFTER_COMMIT, AFTER_APPLY, AFTER_ACKNOWLEDGE)

#: Called with the name of each point that is passed.
Failpoint = Callable[[str], None]


def no_failpoints(point: str) -> None:
    """Do nothing."""


def faults(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with PROMO_FAILPOINT; a check for `settings.read`."""
    try:
        kill_at(settings.failpoint)
    except ValueError as error:
        yield f"PROMO_FAILPOINT={settings.failpoint!r}: {error}"


def kill_at(where: str) -> Failpoint:
    """Return a failpoint that sends this process SIGKILL.

    `where` is `point[:count]`: the signal is sent when the process passes the point for the count-th time (1).
    Empty: never. Raises ValueError for a point that does not exist.
    """
    if not where:
        return no_failpoints
    wanted, _, count = where.partition(":")
    if wanted not in POINTS:
        raise ValueError(f"no such point: {wanted}; there are {', '.join(POINTS)}")
    left = int(count or 1)

    def kill(point: str) -> None:
        nonlocal left
        if point == wanted:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return kill
