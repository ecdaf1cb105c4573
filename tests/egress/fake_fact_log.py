"""A fact log in memory: partitions as lists, read like Kafka's, with rebalances at will."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from egress.fact_log import Reassigned, Record
from egress.positions import Partition
from schemas.facts import Fact, Watermark
from schemas.topics import FACT_TOPICS, WATERMARKS

Headers = Sequence[tuple[str, bytes]]


class FakeFactLog:
    """Holds the topics of one partition number; `batch` records come at a time."""

    def __init__(self, number: int, batch: int = 3) -> None:
        self.number = number
        self.batch = batch
        self.records = {
            Partition(t.name, number): list[tuple[bytes | None, bytes | None, Headers]]()
            for t in (*FACT_TOPICS.values(), WATERMARKS)
        }
        self.at: dict[Partition, int] = {}
        self.reassigned = True
        self.committed: Mapping[Partition, int] = {}
        self.reads = 0

    def append(self, message: Fact | Watermark) -> None:
        """Write a message to its topic."""
        if isinstance(message, Watermark):
            topic, key = WATERMARKS, b"%d" % message.partition
        else:
            topic, key = FACT_TOPICS[type(message)], message.restaurant_id.encode()
        self.append_raw(topic.name, msgspec.json.encode(message), key)

    def append_raw(
        self, topic: str, value: bytes | None, key: bytes | None = b"r1", headers: Headers = ()
    ) -> None:
        """Write any bytes."""
        self.records[Partition(topic, self.number)].append((key, value, headers))

    @property
    def all_read(self) -> bool:
        """Whether everything was read."""
        return all(self.at.get(p, -1) == len(records) for p, records in self.records.items())

    def assigned(self) -> list[Partition]:
        self.reassigned = False
        self.at = {}
        return list(self.records)

    async def beginnings(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        return dict.fromkeys(partitions, 0)

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int] | None:
        return {p: len(self.records[p]) for p in partitions}

    def seek(self, positions: Mapping[Partition, int]) -> None:
        self._check()
        self.at = dict(positions)

    async def read(self) -> list[Record]:
        self._check()
        self.reads += 1
        await asyncio.sleep(0)  # others may run, as while Kafka is waited for
        found = []
        for partition, records in self.records.items():
            start = self.at[partition]
            for offset, (key, value, headers) in enumerate(records[start : start + self.batch], start):
                found.append(Record(partition, offset, value, key, headers))
                self.at[partition] = offset + 1
        return found

    async def positions(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        self._check()
        return {p: self.at[p] for p in partitions}

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        self.committed = dict(positions)

    def _check(self) -> None:
        if self.reassigned:
            raise Reassigned
