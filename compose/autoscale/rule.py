"""The rule of Kubernetes' HorizontalPodAutoscaler, as KEDA uses it (compose/kubernetes/scaling.yaml). Pure.

Wanted is what there is to do, divided by what one process is to have of it, rounded up; as many as there are
while that is within a tenth; never more than twice as many at a time, or four more; never fewer than were wanted
at any moment of the last while, since a process that leaves costs a rebalance.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from schemas.views import Window

#: Share of the target within which nothing is done.
TOLERANCE = 0.1
#: How many may come at a time: so many times as many, or so many more.
TIMES, MORE = 2, 4


class Limits(Struct, frozen=True):
    """What one role may be scaled to, and by what."""

    each: float  # what one process is to have: records of lag, or requests a second
    least: int
    most: int
    in_promotion: int  # no fewer while a promotion is open, or is soon to be
    stable_seconds: float = 900.0  # for how long more were not wanted before there are fewer


#: As in compose/kubernetes/scaling.yaml.
LIMITS: Mapping[str, Limits] = {
    "streams": Limits(each=500, least=2, most=8, in_promotion=2),
    "ingress": Limits(each=800, least=2, most=16, in_promotion=2),
}
#: Before a promotion begins, so that whoever is to help is there in time, in seconds.
AHEAD_SECONDS = 60.0


class Wanted(Struct, frozen=True):
    """How many were wanted at a moment, in seconds of any clock."""

    at: float
    number: int


def recommended(current: int, load: float, limits: Limits, promotion: bool) -> int:
    """Return how many processes so much load asks for, with so many there."""
    least = max(limits.least, limits.in_promotion) if promotion else limits.least
    each_has = load / (max(1, current) * limits.each)
    number = current if abs(each_has - 1.0) <= TOLERANCE else math.ceil(load / limits.each)
    return min(limits.most, max(least, number))


def decided(current: int, now: float, history: Sequence[Wanted], limits: Limits) -> int:
    """Return how many there are to be, given what was recommended until now; the last of it counts as now."""
    latest = history[-1].number
    if latest > current:
        return min(latest, max(TIMES * current, current + MORE))
    held = max(wanted.number for wanted in history if wanted.at > now - limits.stable_seconds)
    return min(current, held)


def is_promotion(windows: Iterable[Window], now_ms: int, ahead_seconds: float = AHEAD_SECONDS) -> bool:
    """Say whether a promotion is open, or begins within so many seconds."""
    return any(w.starts_at - ahead_seconds * 1000 <= now_ms < w.ends_at for w in windows)
