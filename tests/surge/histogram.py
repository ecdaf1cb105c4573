"""A histogram that can be added up: buckets that grow by 2 %, so that a quantile is right within 2 %. Pure."""

import math
from collections import Counter
from collections.abc import Mapping

GROWTH = math.log(1.02)
#: The lower bound of bucket 0, in seconds.
LEAST = 0.0001


def bucket(seconds: float) -> int:
    """Return the bucket of a time."""
    return int(math.log(seconds / LEAST) / GROWTH) if seconds > LEAST else 0


def bound(index: int) -> float:
    """Return a bucket's upper bound in seconds."""
    return LEAST * math.exp(GROWTH * (index + 1))


def quantile(counts: Mapping[int, int], share: float) -> float:
    """Return the seconds that this share of what was counted does not exceed; 0 where nothing was."""
    wanted = share * sum(counts.values())
    seen = 0
    for index in sorted(counts):
        seen += counts[index]
        if seen >= wanted:
            return bound(index)
    return 0.0


def merged(*histograms: Mapping[int, int]) -> Counter[int]:
    """Return all of them together."""
    whole: Counter[int] = Counter()
    for one in histograms:
        whole.update(one)
    return whole
