"""The contract of a consumer, of the one in memory and those of Kafka alike."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from uuid import uuid4

import pytest
from aiokafka.admin import NewTopic

from egress.kafka.consumers import AllPartitionsConsumer, GroupConsumer
from egress.kafka.ports import FactSource, RecordSource
from egress.kafka.records import Partition, PartitionsReassigned, Record
from schemas.consumer_groups import ConsumerGroup
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import make_admin_client, make_producer
from schemas.runtime.kafka_sessions import started
from schemas.settings import Settings
from tests.support.egress.fake_consumer import FakeConsumer
from tests.support.waiting import eventually

VALUES = [b"%d" % n for n in range(5)]


class Log(ABC):
    """One partition, and consumers of it."""

    partition: Partition

    @abstractmethod
    async def write(self, *values: bytes) -> None:
        """Write each value in a transaction of its own."""

    @abstractmethod
    def member(self) -> AbstractAsyncContextManager[RecordSource]:
        """A member of the group."""

    @abstractmethod
    def outsider(self) -> AbstractAsyncContextManager[FactSource]:
        """A consumer that keeps its own offsets."""

    @abstractmethod
    def rebalance(self) -> AbstractAsyncContextManager[None]:
        """Let the group rebalance."""


class MemoryLog(Log):
    """FakeConsumer."""

    def __init__(self) -> None:
        self.partition = Partition("topic", 0)
        self.consumer = FakeConsumer(self.partition)

    async def write(self, *values: bytes) -> None:
        for value in values:
            self.consumer.append(self.partition, value)

    @contextlib.asynccontextmanager
    async def member(self) -> AsyncIterator[RecordSource]:
        yield self.consumer

    @contextlib.asynccontextmanager
    async def outsider(self) -> AsyncIterator[FactSource]:
        yield self.consumer

    @contextlib.asynccontextmanager
    async def rebalance(self) -> AsyncIterator[None]:
        self.consumer.is_reassigned = True
        yield


class KafkaLog(Log):
    """GroupConsumer and AllPartitionsConsumer."""

    def __init__(self, bootstrap_servers: str) -> None:
        name = f"topic-{uuid4().hex}"
        self.partition = Partition(name, 0)
        self.group = ConsumerGroup(name, (name,), "of a test")
        self.settings = Settings(
            kafka_bootstrap_servers=bootstrap_servers, session_timeout_seconds=3, partitions=1
        )

    async def create(self) -> None:
        """Create the topic."""
        admin = make_admin_client(self.settings.kafka)
        try:
            await admin.start()
            await admin.create_topics([NewTopic(self.partition.topic, 1, 1)])
        finally:
            await admin.close()

    async def write(self, *values: bytes) -> None:
        producer = make_producer(self.settings.kafka, transactional_id=f"test-{self.partition.topic}")
        await producer.start()
        try:
            for value in values:
                async with producer.transaction():
                    await producer.send_and_wait(self.partition.topic, value, key=b"r1", partition=0)
        finally:
            await producer.stop()

    @contextlib.asynccontextmanager
    async def member(self) -> AsyncIterator[RecordSource]:
        async with started(GroupConsumer(self.settings, self.group)) as consumer:
            yield consumer

    @contextlib.asynccontextmanager
    async def outsider(self) -> AsyncIterator[FactSource]:
        consumer = AllPartitionsConsumer(self.settings.kafka, self.group.topics, self.settings.partitions)
        async with started(consumer):
            yield consumer

    @contextlib.asynccontextmanager
    async def rebalance(self) -> AsyncIterator[None]:
        async with self.member():
            yield


@pytest.fixture(params=["memory", "kafka"])
async def log(request: pytest.FixtureRequest) -> Log:
    """A log of each kind, empty."""
    if request.param == "memory":
        return MemoryLog()
    log = KafkaLog(request.getfixturevalue("kafka"))
    await log.create()
    return log


async def read(consumer: RecordSource | FactSource, count: int) -> list[Record]:
    """Return this many records."""
    records: list[Record] = []

    async def is_enough() -> bool:
        records.extend(await consumer.read(count - len(records)))
        return len(records) >= count

    await eventually(is_enough)
    return records


async def test_reads_in_order(log: Log) -> None:
    """A group that has committed nothing begins with the first record."""
    await log.write(*VALUES)
    async with log.member() as member:
        await member.begin()
        records = await read(member, len(VALUES))
    assert [record.value for record in records] == VALUES
    assert {(record.partition, record.key) for record in records} == {(log.partition, b"r1")}
    offsets = [record.offset for record in records]
    assert offsets == sorted(set(offsets)) and offsets[1] > offsets[0] + 1, "markers take offsets"


async def test_read_size_is_bounded(log: Log) -> None:
    """A worker asks for no more than it has room for."""
    await log.write(*VALUES)
    async with log.member() as member:
        await member.begin()
        await eventually(lambda: _is_full(member, 2))


async def test_reads_the_topics_that_are_wanted(log: Log) -> None:
    """Records of other topics stay for a later read."""
    await log.write(*VALUES)
    async with log.member() as member:
        await member.begin()
        await read(member, 2)
        assert not await member.read(10, ["another"])
        assert not await member.read(10, [])
        rest: list[bytes | None] = []
        while len(rest) < 3:
            rest += [record.value for record in await member.read(10, ["another", log.partition.topic])]
    assert rest == VALUES[2:]


async def _is_full(consumer: RecordSource, max_records: int) -> bool:
    count = len(await consumer.read(max_records))
    assert count <= max_records
    return count == max_records


async def test_begins_at_committed(log: Log) -> None:
    """What was not committed is read again, by the same member or the next one."""
    await log.write(*VALUES)
    async with log.member() as member:
        await member.begin()
        records = await read(member, len(VALUES))
        await member.commit({log.partition: records[1].offset + 1})
        await member.begin()
        assert [record.value for record in await read(member, 3)] == VALUES[2:]
    async with log.member() as member:
        await member.begin()
        assert [record.value for record in await read(member, 3)] == VALUES[2:]


async def test_commit_of_nothing(log: Log) -> None:
    """A worker commits by the clock, also before its first record."""
    async with log.member() as member:
        await member.begin()
        await member.commit({})


async def test_reports_rebalance(log: Log) -> None:
    """Work on partitions that may be another's must not go on."""
    await log.write(*VALUES)
    async with log.member() as member:
        await member.begin()
        await read(member, len(VALUES))
        async with log.rebalance():
            await eventually(lambda: _is_reassigned(member))
        await eventually(lambda: _reads_again(member))


async def _is_reassigned(consumer: RecordSource) -> bool:
    try:
        await consumer.read(1)
    except PartitionsReassigned:
        return True
    return False


async def _reads_again(consumer: RecordSource) -> bool:
    """Begin again until there is no further rebalance; return True once the first record is read again."""
    try:
        await consumer.begin()
        return [record.value for record in await consumer.read(1)] == VALUES[:1]
    except PartitionsReassigned:
        return False


async def test_seeks(log: Log) -> None:
    """The projector reads on from the positions of the views."""
    await log.write(*VALUES)
    async with log.outsider() as outsider:
        assert outsider.assigned() == [log.partition]
        beginnings, ends = await outsider.beginnings([log.partition]), await outsider.ends([log.partition])
        outsider.seek(beginnings)
        records = await read(outsider, len(VALUES))
        outsider.seek({log.partition: records[3].offset})
        assert [record.value for record in await read(outsider, 2)] == VALUES[3:]
        await eventually(lambda: _has_reached(outsider, ends))


async def _has_reached(consumer: FactSource, ends: dict[Partition, int]) -> bool:
    """Return True if the position has passed the marker behind the last record, too."""
    await consumer.read(1)
    return await consumer.positions(list(ends)) == ends


async def test_outsider_commits_nothing(kafka: str) -> None:
    """A rebuild does not move the group of the projector."""
    log = KafkaLog(kafka)
    await log.create()
    await log.write(*VALUES)
    async with log.outsider() as outsider:
        outsider.seek(await outsider.beginnings(outsider.assigned()))
        records = await read(outsider, len(VALUES))
        await outsider.commit({log.partition: records[-1].offset + 1})
    async with log.member() as member:
        await member.begin()
        assert (await read(member, 1))[0].value == VALUES[0]


def test_connection_is_of_settings() -> None:
    """PROMO_KAFKA_BOOTSTRAP_SERVERS, else the local stack's broker."""
    assert Settings(kafka_bootstrap_servers="a:1,b:2").kafka == KafkaConnection("a:1,b:2")
    assert Settings(kafka_port=7).kafka == KafkaConnection("127.0.0.1:7")
