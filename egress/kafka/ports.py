"""What the parts of egress need of Kafka."""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from egress.kafka.records import OutboundRecord, Partition, Record
from schemas.timestamps import EpochMs


class RecordSource(Protocol):
    """Reads the records of this process's partitions: committed ones, in the order of each partition."""

    async def begin(self) -> None:
        """Seek to the committed offsets. From then on `PartitionsReassigned` reports a rebalance. Raises KafkaError."""

    async def read(self, max_records: int, topics: Collection[str] | None = None) -> list[Record]:
        """Return new records, or none after a short wait; raises PartitionsReassigned, KafkaError.

        Those of other topics than `topics` stay for a later read; None: of all topics.
        """

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit the next offset of each partition. A failure is ignored: work that is done twice has one effect."""


class FactSource(Protocol):
    """Reads facts and watermarks from offsets that its user keeps: committed ones, in the order of each partition."""

    def assigned(self) -> list[Partition]:
        """Return this process's partitions. From then on `PartitionsReassigned` reports the next rebalance."""

    async def beginnings(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Return the first offset of each partition; raises KafkaError."""

    async def first_since(self, instant: EpochMs, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Return the offset of the first record of each partition that is not older, or its end; raises KafkaError."""

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Return the offset behind the last committed record of each partition; raises KafkaError."""

    def seek(self, offsets: Mapping[Partition, int]) -> None:
        """Read on from these offsets; raises PartitionsReassigned."""

    async def read(self, max_records: int) -> list[Record]:
        """Return new records, or none after a short wait; raises PartitionsReassigned, KafkaError."""

    async def positions(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Return the offset that is read next in each partition; raises PartitionsReassigned."""

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Show lag tools the next offset of each partition; a failure is ignored."""


class RecordSink(Protocol):
    """Where records are written."""

    async def write(self, records: Iterable[OutboundRecord]) -> None:
        """Write all of them, in the order of each partition; durable when this returns. Raises KafkaError."""
