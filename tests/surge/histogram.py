"""Histograms that can be merged: buckets grow by 2 %, so a quantile is accurate to 2 %. Pure."""

import math
from collections import Counter
from collections.abc import Mapping

GROWTH = math.log(1.02)
#: The lower bound of bucket 0.
MIN_SECONDS = 0.0001


def bucket(seconds: float) -> int:
    """Return the bucket of a time."""
    return int(math.log(seconds / MIN_SECONDS) / GROWTH) if seconds > MIN_SECONDS else 0


def bound(index: int) -> float:
    """Return a bucket's upper bound in seconds."""
    return MIN_SECONDS * math.exp(GROWTH * (index + 1))


def quantile(counts: Mapping[int, int], share: float) -> float:
    """Return the seconds that this share of the counted times does not exceed; 0 if none were counted."""
    wanted = share * sum(counts.values())
    seen = 0
    for index in sorted(counts):
        seen += counts[index]
        if seen >= wanted:
            return bound(index)
    return 0.0


def merge(*histograms: Mapping[int, int]) -> Counter[int]:
    """Return the sum of histograms."""
    whole: Counter[int] = Counter()
    for one in histograms:
        whole.update(one)
    return whole
