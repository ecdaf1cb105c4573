"""The fact log, as the projector sees it: this process's share of the facts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from egress.positions import Partition

#: The consumer group, in metrics and lag tools.
GROUP = "promo-egress"


class Record(Struct, frozen=True):
    """One record, undecoded."""

    partition: Partition
    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp: int = 0  # milliseconds since 1970


class Reassigned(Exception):
    """The partitions of this process have changed: drop what was read since, and ask for `assigned`."""


class FactLog(Protocol):
    """Reads facts and watermarks, committed ones only, each partition in its order."""

    def assigned(self) -> list[Partition]:
        """Return the partitions of this process; from now on Reassigned tells of the next change."""

    async def beginnings(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Return the first offset of each partition; raises KafkaError."""

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int] | None:
        """Return behind which offset of each partition nothing is committed now; None: no broker says so."""

    def seek(self, positions: Mapping[Partition, int]) -> None:
        """Go on reading from these offsets; raises Reassigned."""

    async def read(self) -> list[Record]:
        """Return the records that have come, after a moment none; raises Reassigned, KafkaError."""

    async def positions(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Return the offset that each partition is read from next; raises Reassigned."""

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """Show lag tools how far the views are; a failure is nothing."""
