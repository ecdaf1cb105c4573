"""Quantiles of what was measured."""

from collections.abc import Sequence


def quantile(ascending: Sequence[float], share: float) -> float:
    """Return the value that this share does not exceed; 0 for none."""
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))] if ascending else 0.0
