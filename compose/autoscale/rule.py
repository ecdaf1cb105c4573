"""The rule of Kubernetes' HorizontalPodAutoscaler, as KEDA uses it (compose/kubernetes/scaling.yaml). Pure.

A role needs its load divided by the target of one process, rounded up. A load within a tenth of the target
changes nothing. At most twice as many processes, or four more, are added at a time. A process is removed
only if it was not needed at any moment of the stabilization window, since its departure costs a rebalance.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from schemas.timestamps import EpochMs, MonotonicSeconds
from schemas.view_keys import Window

#: Share of the target within which nothing changes.
TOLERANCE = 0.1
#: The larger of the two bounds one step: this many times as many processes, or this many more.
MAX_GROWTH_FACTOR, MAX_GROWTH_PROCESSES = 2, 4
#: So that processes are ready when a promotion begins.
PROMOTION_LEAD_SECONDS = 60.0


class RoleLimits(Struct, frozen=True):
    """The target and the bounds of one role."""

    target_per_process: float  # records of lag, or requests per second
    min_processes: int
    max_processes: int
    min_in_promotion: int  # while a promotion is open or begins soon
    stabilization_seconds: float = 900.0


#: As in compose/kubernetes/scaling.yaml.
DEFAULT_LIMITS: Mapping[str, RoleLimits] = {
    "streams": RoleLimits(target_per_process=500, min_processes=2, max_processes=8, min_in_promotion=2),
    "ingress": RoleLimits(target_per_process=800, min_processes=2, max_processes=16, min_in_promotion=2),
}


class Recommendation(Struct, frozen=True):
    """The number of processes that the load needed at a moment."""

    at: MonotonicSeconds
    processes: int


def recommend(current: int, load: float, limits: RoleLimits, promotion: bool) -> int:
    """Return how many processes the load needs while `current` run."""
    minimum = max(limits.min_processes, limits.min_in_promotion) if promotion else limits.min_processes
    utilisation = load / (max(1, current) * limits.target_per_process)
    is_on_target = abs(utilisation - 1.0) <= TOLERANCE
    needed = current if is_on_target else math.ceil(load / limits.target_per_process)
    return min(limits.max_processes, max(minimum, needed))


def decide(current: int, now: MonotonicSeconds, history: Sequence[Recommendation], limits: RoleLimits) -> int:
    """Return the next number of processes; the last recommendation of `history` is that of now."""
    latest = history[-1].processes
    if latest > current:
        return min(latest, max(MAX_GROWTH_FACTOR * current, current + MAX_GROWTH_PROCESSES))
    needed = max(each.processes for each in history if each.at > now - limits.stabilization_seconds)
    return min(current, needed)


def is_promotion_active(
    windows: Iterable[Window], now: EpochMs, lead_seconds: float = PROMOTION_LEAD_SECONDS
) -> bool:
    """Return True if a promotion is open or begins within `lead_seconds`."""
    return any(window.starts_at - lead_seconds * 1000 <= now < window.ends_at for window in windows)
