"""Quantiles of measured values."""

from collections.abc import Iterable


def quantile(values: Iterable[float], share: float) -> float:
    """Return the value at this share of the sorted values (0.95: p95); 0 if there are none."""
    ascending = sorted(values)
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))] if ascending else 0.0
