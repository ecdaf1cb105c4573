"""Lag is reported for the partitions that a process owns."""

from prometheus_client import REGISTRY

from schemas.telemetry.lag import LagReporter


def shown(partition: int) -> float | None:
    labels = {"topic": "t", "partition": str(partition), "group": "g"}
    return REGISTRY.get_sample_value("promo_consumer_lag", labels)


def test_a_partition_of_another_owner_is_removed() -> None:
    """In containers each process has its own metrics; a stale value would be added to the new owner's."""
    lag = LagReporter("g")
    lag.report({("t", 0): 900, ("t", 1): -1})
    assert (shown(0), shown(1)) == (900, 0)
    lag.report({("t", 1): 5})
    assert (shown(0), shown(1)) == (None, 5)
    lag.report({("t", 0): 2, ("t", 1): 3})
    assert (shown(0), shown(1)) == (2, 3)
    lag.report({})
    assert (shown(0), shown(1)) == (None, None)
