"""When an order will be ready: from the queue before it, the kitchen's capacity, and how long orders took there."""

import math
from collections.abc import Sequence

from schemas.instants import to_text
from schemas.orders import Eta

#: What an order takes in the kitchen where too little has been measured, in milliseconds.
TYPICAL_MS = 30 * 60_000
SLOW_MS = 50 * 60_000
#: Preparations that are remembered of a kitchen, the latest; and how many make a measure.
REMEMBERED = 40
ENOUGH = 10
#: Standard deviations from the middle of a normal distribution to its 90 %.
_Z90 = 1.2816


def eta(now: int, open_orders: int, capacity: int, preparations: Sequence[int] = ()) -> Eta:
    """Return when an order that comes in at `now` behind `open_orders` is expected to be ready.

    `preparations` are milliseconds from the start of an order's preparation to its end. The kitchen makes
    `capacity` orders at once. An order waits until enough of those before it are done, which is a sum of
    many parts; then comes its own preparation, whose distribution is the one that was measured.
    """
    capacity = max(capacity, 1)
    mean, middle, slow, spread, count = _measure(preparations)
    before_it = max(0, open_orders - capacity + 1)  # that must be done before there is a place
    begun = min(before_it, 1) * (1 - min(1.0, (spread / mean) ** 2)) / 2  # of the first of them, already done
    wait = (before_it - begun) * mean / capacity
    wait_spread = math.sqrt(
        before_it * (spread / capacity) ** 2  # each takes longer or shorter
        + min(before_it, capacity) * (mean / capacity) ** 2 / 12  # how far those under way are is not known
        + (before_it / capacity) ** 2 * spread**2 / count  # the mean itself was measured
    )
    p90 = wait + mean + math.hypot(_Z90 * wait_spread, slow - mean)
    p50 = wait + middle
    return Eta(p50=to_text(now + round(p50)), p90=to_text(now + round(max(p50, p90))))


def remember(preparations: Sequence[int], milliseconds: int) -> list[int]:
    """Return the preparations that are remembered after one more."""
    return [*preparations, max(0, milliseconds)][-REMEMBERED:]


def _measure(preparations: Sequence[int]) -> tuple[float, float, float, float, int]:
    """Return mean, middle, the time that 90 % do not pass, the standard deviation, and of how many."""
    if len(preparations) < ENOUGH:
        return TYPICAL_MS, TYPICAL_MS, SLOW_MS, (SLOW_MS - TYPICAL_MS) / _Z90, ENOUGH
    ordered, count = sorted(preparations), len(preparations)
    mean = max(1.0, sum(ordered) / count)
    spread = math.sqrt(sum((each - mean) ** 2 for each in ordered) / (count - 1))
    # the next one passes this with a chance of one in ten, whatever the distribution (conformal)
    slow = ordered[min(count, math.ceil(0.9 * (count + 1))) - 1]
    return mean, ordered[count // 2], max(slow, mean), spread, count
