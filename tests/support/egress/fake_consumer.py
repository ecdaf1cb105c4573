"""A consumer in memory, which passes the same contract tests as those of Kafka (test_consumers.py)."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from egress.kafka.records import Partition, PartitionsReassigned, Record
from schemas.facts import Fact, Watermark
from schemas.topics import FACT_TOPICS, WATERMARKS

Headers = Sequence[tuple[str, bytes]]

#: How long a read takes that returns records, and one that returns none.
READ_SECONDS, EMPTY_READ_SECONDS = 0.001, 0.05


class FakeConsumer:
    """Reads partitions that are lists, as a RecordSource and as a FactSource.

    One read returns at most `batch` records of a partition. Behind each record the log has `gap` offsets without one,
    as the markers of transactions leave them. Set `is_reassigned` for a rebalance.
    """

    def __init__(self, *partitions: Partition, batch: int = 1_000, gap: int = 1) -> None:
        self.records: dict[Partition, list[Record]] = {partition: [] for partition in partitions}
        self.batch = batch
        self.step = 1 + gap
        self.next: dict[Partition, int] = {}
        self.committed: dict[Partition, int] = {}
        self.is_reassigned = True
        self.expired = (
            0  # records at the beginning of each partition that are older than any order that is shown
        )
        self.reads: list[int] = []  # the maximum of each

    def append(
        self, partition: Partition, value: bytes | None, key: bytes | None = b"r1", headers: Headers = ()
    ) -> None:
        """Write a record."""
        self.append_record(Record(partition, 0, value, key, headers))

    def append_record(self, record: Record) -> None:
        """Write a copy of a record, at the offset behind the last one of its partition."""
        records = self.records.setdefault(record.partition, [])
        records.append(msgspec.structs.replace(record, offset=self.step * len(records)))

    @property
    def is_all_committed(self) -> bool:
        """Whether every record is committed."""
        return all(self.committed.get(at) == records[-1].offset + 1 for at, records in self.records.items())

    @property
    def is_all_read(self) -> bool:
        """Whether every record was read since the last rebalance."""
        return all(self.next.get(at) == self._end(at) for at in self.records)

    async def begin(self) -> None:
        self.seek({at: self.committed.get(at, 0) for at in self.assigned()})

    def assigned(self) -> list[Partition]:
        self.is_reassigned = False
        return list(self.records)

    async def beginnings(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        return dict.fromkeys(partitions, 0)

    async def first_since(self, instant: int, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Return the first record of each partition: of an order that can still be read."""
        return dict.fromkeys(partitions, self.step * self.expired)

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        return {at: self._end(at) for at in partitions}

    def seek(self, offsets: Mapping[Partition, int]) -> None:
        self._check_assignment()
        self.next = dict(offsets)

    async def read(self, max_records: int, topics: Collection[str] | None = None) -> list[Record]:
        self._check_assignment()
        self.reads.append(max_records)
        await asyncio.sleep(EMPTY_READ_SECONDS if self.is_all_read else READ_SECONDS)
        self._check_assignment()
        found: list[Record] = []
        for at, records in self.records.items():
            if topics is not None and at.topic not in topics:
                continue
            first = -(-self.next.get(at, 0) // self.step)
            new = records[first : first + min(self.batch, max_records - len(found))]
            if new:
                found += new
                self.next[at] = new[-1].offset + self.step
        return found

    async def positions(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        self._check_assignment()
        return {at: self.next[at] for at in partitions}

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        self.committed |= offsets

    def _end(self, partition: Partition) -> int:
        return self.step * len(self.records[partition])

    def _check_assignment(self) -> None:
        if self.is_reassigned:
            raise PartitionsReassigned


class FakeFactConsumer(FakeConsumer):
    """A FakeConsumer of one partition number of every topic that is projected."""

    def __init__(self, number: int) -> None:
        topics = (*FACT_TOPICS.values(), WATERMARKS)
        super().__init__(*(Partition(topic.name, number) for topic in topics), batch=3, gap=0)
        self.number = number

    def append_message(self, message: Fact | Watermark) -> None:
        """Write a fact or a watermark to its topic."""
        if isinstance(message, Watermark):
            topic, key = WATERMARKS, b"%d" % message.partition
        else:
            topic, key = FACT_TOPICS[type(message)], message.restaurant_id.encode()
        self.append(Partition(topic.name, self.number), msgspec.json.encode(message), key)
