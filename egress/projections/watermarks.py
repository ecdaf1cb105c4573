"""Watermarks: until which instant the views are complete. Pure.

Watermark T, read from partition p, says that every command written to p before T is decided and committed. The facts
of these commands end, in partition p of each fact topic, before the end that the topic has when T was read. Once the
projection has passed all these ends, the views show the facts, and readers may see T.
"""

from collections.abc import Mapping

from msgspec import Struct

from egress.kafka.records import Partition
from schemas.timestamps import EpochMs


class PendingWatermark(Struct, frozen=True):
    """A watermark, and the positions from which on the views are complete until then."""

    as_of: EpochMs
    ends: dict[Partition, int]


class WatermarkTracker:
    """Keeps, of each partition number, the newest watermark that was read and the one that is pending."""

    def __init__(self) -> None:
        self._observed: dict[int, EpochMs] = {}
        self._pending: dict[int, PendingWatermark] = {}

    def observe(self, partition: int, as_of: EpochMs) -> None:
        """Record a watermark that was read."""
        self._observed[partition] = max(as_of, self._observed.get(partition, EpochMs(0)))

    @property
    def needs_targets(self) -> bool:
        """Whether a partition has a watermark but none pending: then get the topics' ends, and call `set_targets`."""
        return any(partition not in self._pending for partition in self._observed)

    def set_targets(self, ends: Mapping[Partition, int]) -> None:
        """Make each observed watermark pending until its partition reaches these ends, which were read after it."""
        for partition in [p for p in self._observed if p not in self._pending]:
            own = {at: end for at, end in ends.items() if at.number == partition}
            self._pending[partition] = PendingWatermark(self._observed.pop(partition), own)

    def pop_reached(self, positions: Mapping[Partition, int]) -> dict[int, PendingWatermark]:
        """Return the watermarks whose ends these positions have reached, by partition number, each once."""
        reached = {
            partition: pending
            for partition, pending in self._pending.items()
            if all(positions.get(at, -1) >= end for at, end in pending.ends.items())
        }
        for partition in reached:
            del self._pending[partition]
        return reached
