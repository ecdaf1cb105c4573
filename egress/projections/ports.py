"""The port to the store of views."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from egress.kafka.records import OffsetRange, Partition
from egress.projections.projection import ViewWrite
from egress.projections.watermarks import PendingWatermark


class ViewsLost(Exception):
    """The views were emptied or set back to an earlier time: project again from the positions that they have."""


class ViewStoreUnavailable(Exception):
    """The store did not answer as it should, and may or may not have acted: repeat the call."""


class ViewStore(Protocol):
    """Keeps views, and with them the positions of the projection: the next offset of each partition.

    Every method may raise ViewStoreUnavailable, and may be repeated without harm.
    """

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Return the position of each partition whose projection has begun."""

    async def begin(self, beginnings: Mapping[Partition, int]) -> None:
        """Set the position of each partition that has none."""

    async def discard(self) -> None:
        """Begin with empty views, without positions."""

    async def apply(self, writes: Iterable[ViewWrite], ranges: Sequence[OffsetRange]) -> None:
        """Apply writes, and move positions to the ends of the ranges that were read for them, as one.

        A write counts if its version is greater than the field's, a range if its end is greater than the position.
        Raises ViewsLost, having done nothing, if a position is before its range's start.
        """

    async def publish_watermark(self, partition: int, watermark: PendingWatermark) -> None:
        """Show readers that the partition's views are complete until the watermark; raises ViewsLost if they are not."""
