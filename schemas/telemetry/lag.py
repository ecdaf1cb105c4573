"""Consumer lag as a metric, of the partitions that this process owns."""

import os
from collections.abc import Mapping

from schemas.metrics import consumer_lag

PartitionKey = tuple[str, int]  # topic and partition

#: The variable by which processes share their values (schemas/metrics.py).
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


class LagReporter:
    """Sets the lag of one consumer group's partitions.

    The new owner of a partition reports it, so the series of the former owner is removed: sums would count both.
    Processes that share their values cannot remove series, and need not: there the latest value is shown.
    """

    def __init__(self, group: str) -> None:
        self._group = group
        self._reported: set[tuple[str, str, str]] = set()

    def report(self, lags: Mapping[PartitionKey, int]) -> None:
        """Set the lag of every partition that this process owns, in records."""
        now = {(topic, str(partition), self._group): max(0, lag) for (topic, partition), lag in lags.items()}
        for labels, lag in now.items():
            consumer_lag.labels(*labels).set(lag)
        if MULTIPROCESS_VARIABLE not in os.environ:
            for labels in self._reported - now.keys():
                consumer_lag.remove(*labels)
        self._reported = set(now)
