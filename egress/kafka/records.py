"""Kafka records, undecoded: those that egress reads, with partition and offset, and those that it writes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from schemas import codec
from schemas.codec import Headers
from schemas.timestamps import EpochMs


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    number: int

    @property
    def field(self) -> str:
        """The hash field of the views that keeps the partition's position: `order.created/3`."""
        return f"{self.topic}/{self.number}"


class OffsetRange(NamedTuple):
    """The offsets from `start` up to, but without, `end`."""

    partition: Partition
    start: int
    end: int


class Record(Struct, frozen=True):
    """A record that was read."""

    partition: Partition
    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp: EpochMs = EpochMs(0)

    @property
    def place(self) -> str:
        """Topic, partition and offset: `order.created-3-120`."""
        return f"{self.partition.topic}-{self.partition.number}-{self.offset}"

    @property
    def event_id(self) -> str:
        """The id of its event; its place if it has none."""
        event_id = codec.header(self.headers, "event-id")
        return event_id.decode(errors="replace") if event_id else self.place

    @property
    def traceparent(self) -> bytes:
        """Its trace context; NO_TRACE if it has none."""
        return codec.header(self.headers, "traceparent") or codec.NO_TRACE


class OutboundRecord(NamedTuple):
    """A record to write. Its key decides its partition, as for ingress and streams."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class PartitionsReassigned(Exception):
    """The consumer group has rebalanced: drop the work on what was read, and begin again."""


def record_of(raw: Any) -> Record:
    """Return a record of aiokafka as ours."""
    partition = Partition(raw.topic, raw.partition)
    return Record(partition, raw.offset, raw.value, raw.key, raw.headers, raw.timestamp)
