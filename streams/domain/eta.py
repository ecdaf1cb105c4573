"""When an order will be ready: estimated from the kitchen's queue, its capacity, and its latest preparations.

The wait for a free place is a sum of many preparations, so it counts as normally distributed. The order's own
preparation has the distribution that was measured. Its 90 % bound is a conformal one (Vovk, Gammerman and
Shafer, Algorithmic Learning in a Random World, 2005): it holds whatever that distribution is.
"""

import math
from collections.abc import Sequence

from msgspec import Struct

from schemas.orders import Eta
from schemas.timestamps import EpochMs, Milliseconds, to_text

#: Preparation time of a kitchen with too few measurements: the median, and what 90 % do not exceed.
TYPICAL_MS = 30 * 60_000
SLOW_MS = 50 * 60_000
#: The latest preparations of a kitchen that are stored, and how many an estimate needs.
MAX_PREPARATIONS = 40
MIN_PREPARATIONS = 10
#: Standard deviations from the middle of a normal distribution to its 90 % quantile.
_Z90 = 1.2816


class _Preparation(Struct, frozen=True):
    """The distribution of a kitchen's preparations, in milliseconds."""

    mean: float
    median: float
    p90: float
    deviation: float
    count: int  # preparations that it was measured from


def estimate(now: EpochMs, open_orders: int, capacity: int, preparations: Sequence[Milliseconds] = ()) -> Eta:
    """Return when an order that arrives now is expected to be ready: its median, and its 90 % quantile.

    Args:
        now: when the order arrives.
        open_orders: orders in the kitchen before it.
        capacity: orders that the kitchen prepares at once.
        preparations: the latest preparations, from start to end.
    """
    capacity = max(capacity, 1)
    one = _measure(preparations)
    ahead = max(0, open_orders - capacity + 1)  # orders that must be ready before there is a free place
    # one of them is in preparation: on average (1 + cv^2) / 2 of it remains (mean residual life)
    done = min(ahead, 1) * (1 - min(1.0, (one.deviation / one.mean) ** 2)) / 2
    wait = (ahead - done) * one.mean / capacity
    wait_deviation = math.sqrt(
        ahead * (one.deviation / capacity) ** 2  # each may take longer or shorter
        # how far those in preparation are is unknown: uniform
        + min(ahead, capacity) * (one.mean / capacity) ** 2 / 12
        + (ahead / capacity) ** 2 * one.deviation**2 / one.count  # the mean itself was measured
    )
    p50 = wait + one.median
    p90 = wait + one.mean + math.hypot(_Z90 * wait_deviation, one.p90 - one.mean)
    return Eta(p50=to_text(EpochMs(now + round(p50))), p90=to_text(EpochMs(now + round(max(p50, p90)))))


def record_preparation(preparations: Sequence[Milliseconds], took: Milliseconds) -> list[Milliseconds]:
    """Return the stored preparations after one more."""
    return [*preparations, Milliseconds(max(0, took))][-MAX_PREPARATIONS:]


def _measure(preparations: Sequence[Milliseconds]) -> _Preparation:
    if len(preparations) < MIN_PREPARATIONS:
        deviation = (SLOW_MS - TYPICAL_MS) / _Z90
        return _Preparation(TYPICAL_MS, TYPICAL_MS, SLOW_MS, deviation, MIN_PREPARATIONS)
    ordered, count = sorted(preparations), len(preparations)
    mean = max(1.0, sum(ordered) / count)
    deviation = math.sqrt(sum((each - mean) ** 2 for each in ordered) / (count - 1))
    p90 = ordered[min(count, math.ceil(0.9 * (count + 1))) - 1]  # the conformal quantile
    return _Preparation(mean, ordered[count // 2], max(p90, mean), deviation, count)
