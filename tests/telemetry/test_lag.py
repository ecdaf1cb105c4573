"""Lag: of the partitions that a process has."""

from prometheus_client import REGISTRY

from schemas.telemetry.lag import Lag


def shown(partition: int) -> float | None:
    labels = {"topic": "t", "partition": str(partition), "group": "g"}
    return REGISTRY.get_sample_value("promo_consumer_lag", labels)


def test_a_partition_that_went_to_another_is_not_shown_any_more() -> None:
    """In containers each process shows its own: what stood there last would be added to what the other says."""
    lag = Lag("g")
    lag.show({("t", 0): 900, ("t", 1): -1})
    assert (shown(0), shown(1)) == (900, 0)
    lag.show({("t", 1): 5})
    assert (shown(0), shown(1)) == (None, 5)
    lag.show({("t", 0): 2, ("t", 1): 3})
    assert (shown(0), shown(1)) == (2, 3)
    lag.show({})
    assert (shown(0), shown(1)) == (None, None)
