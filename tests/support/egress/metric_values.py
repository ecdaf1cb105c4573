"""Values of metrics, as /metrics shows them."""

from prometheus_client import REGISTRY


def value(metric: str, /, **labels: str) -> float:
    """Return the value of one series; 0 where there is none."""
    return REGISTRY.get_sample_value(metric, labels) or 0.0


def has_series(metric: str, /, **labels: str) -> bool:
    """Return True if the series is shown."""
    return REGISTRY.get_sample_value(metric, labels) is not None
