"""How far a member of a group is behind, in metrics: of the partitions that it has, and of no others."""

import os
from collections.abc import Mapping

from schemas.metrics import consumer_lag

Place = tuple[str, int]  # topic and partition

#: The variable by which processes share their values (schemas/metrics.py).
SHARED = "PROMETHEUS_MULTIPROC_DIR"


class Lag:
    """Shows what one member says of its partitions.

    A partition that has gone to another process is shown by that one; its last value here would be
    added to it for ever. Where processes share their values nothing can be taken back, and need not
    be: the latest value of a partition is the one that is shown.
    """

    def __init__(self, group: str) -> None:
        """Take the group's name."""
        self._group = group
        self._shown: set[tuple[str, str, str]] = set()

    def show(self, behind: Mapping[Place, int]) -> None:
        """Show the records behind of each partition that this member has."""
        now = {(topic, str(partition), self._group): max(0, n) for (topic, partition), n in behind.items()}
        for labels, records in now.items():
            consumer_lag.labels(*labels).set(records)
        if SHARED not in os.environ:
            for labels in self._shown - now.keys():
                consumer_lag.remove(*labels)
        self._shown = set(now)
