"""One contract for the log in memory and the log on a real broker."""

import asyncio
import uuid

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from schemas.kafka_connection import KafkaConnection
from streams.exactly_once.clock_guard import LeapAcceptance
from streams.exactly_once.kafka_log import KafkaLog
from streams.exactly_once.ports import (
    FencedError,
    LogIncompleteError,
    LogTruncatedError,
    Output,
    TooLargeError,
)
from tests.support.exactly_once.memory import MemoryBroker, MemoryLog


class MemoryLogHarness:
    def __init__(self) -> None:
        self.broker = MemoryBroker()

    def log(self) -> MemoryLog:
        return MemoryLog(self.broker)

    async def put_inputs(self, count: int) -> None:
        for _ in range(count):
            self.broker.put(b"x")

    async def delete_changelog_before(self, offset: int) -> None:
        self.broker.changelog_begin = offset

    async def make_source_again(self) -> None:
        self.broker.topic_ids = self.broker.topic_ids._replace(source="source-2")

    async def commit_offset(self, offset: int) -> None:
        self.broker.committed_input = offset

    async def accept(self, *acceptances: LeapAcceptance) -> None:
        self.broker.acceptances.extend(acceptances)


class KafkaLogHarness:
    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.name = uuid.uuid4().hex[:8]

    async def create(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        await admin.create_topics(
            [NewTopic(f"{kind}-{self.name}", 1, 1) for kind in ("in", "out", "log", "accepted")]
        )
        await admin.close()

    def log(self) -> KafkaLog:
        return KafkaLog(
            KafkaConnection(self.bootstrap),
            f"app-{self.name}",
            TopicPartition(f"in-{self.name}", 0),
            f"log-{self.name}",
            f"accepted-{self.name}",
            10.0,
        )

    async def put_inputs(self, count: int) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        for _ in range(count):
            await producer.send_and_wait(f"in-{self.name}", b"x", partition=0)
        await producer.stop()

    async def delete_changelog_before(self, offset: int) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        await admin.delete_records({TopicPartition(f"log-{self.name}", 0): RecordsToDelete(offset)})
        await admin.close()

    async def make_source_again(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        await admin.delete_topics([f"in-{self.name}"])
        while (await admin.create_topics([NewTopic(f"in-{self.name}", 1, 1)])).topic_errors[0][1]:
            await asyncio.sleep(0.1)
        while (await admin.describe_topics([f"in-{self.name}"]))[0]["error_code"]:
            await asyncio.sleep(0.1)
        await admin.close()

    async def commit_offset(self, offset: int) -> None:
        partition = TopicPartition(f"in-{self.name}", 0)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, group_id=f"app-{self.name}", enable_auto_commit=False
        )
        await consumer.start()
        consumer.assign([partition])
        await consumer.commit({partition: offset})
        await consumer.stop()

    async def accept(self, *acceptances: LeapAcceptance) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        for value in (b"{", *map(msgspec.json.encode, acceptances)):
            await producer.send_and_wait(f"accepted-{self.name}", value, partition=0)
        await producer.stop()


@pytest.fixture(params=["memory", "kafka"])
async def harness(request):
    if request.param == "memory":
        yield MemoryLogHarness()
    else:
        made = KafkaLogHarness(request.getfixturevalue("kafka"))
        await made.create()
        yield made


async def replayed(log, offset: int = 0) -> dict[bytes, bytes | None]:
    state: dict[bytes, bytes | None] = {}
    async for changes, _ in log.replay(offset):
        state.update(changes)
    return state


async def write(harness, log, value: bytes) -> int:
    await log.begin()
    out = Output(f"out-{getattr(harness, 'name', '')}", 0, b"k", value, [("h", b"v")])
    return await log.produce([out, out], {b"state": value, b"other": None})


async def commit_twice(harness, log) -> int:
    """Write "1" and "2" in a transaction each; return where a replay goes on."""
    await log.fence()
    await write(harness, log, b"1")
    await log.commit()
    offset = await write(harness, log, b"2")
    await log.commit()
    return offset


async def test_replay_returns_the_last_committed_value(harness):
    """The changelog holds the state."""
    log = harness.log()
    await log.fence()
    for value in (b"1", b"2"):
        await write(harness, log, value)
        await log.commit()
    assert await replayed(log) == {b"state": b"2", b"other": None}
    await log.close()


async def test_nothing_is_replayed_after_the_last_transaction(harness):
    """The store's offset and the changelog agree."""
    log = harness.log()
    offset = await commit_twice(harness, log)
    assert await replayed(log, offset) == {}
    await log.close()


async def test_a_new_writer_shuts_out_the_old_one(harness):
    """Rule 1: its open transaction is aborted."""
    old, new = harness.log(), harness.log()
    await old.fence()
    await write(harness, old, b"1")
    await old.commit()
    await write(harness, old, b"lost")
    await new.fence()
    assert await replayed(new) == {b"state": b"1", b"other": None}
    with pytest.raises(FencedError):
        await old.commit()
    await write(harness, new, b"2")
    await new.commit()
    assert await replayed(new) == {b"state": b"2", b"other": None}
    await old.close()
    await new.close()


async def test_a_fenced_writer_cannot_begin_again(harness):
    """A zombie that wakes up after its successor took over."""
    old, new = harness.log(), harness.log()
    await old.fence()
    await new.fence()
    with pytest.raises(FencedError):
        await write(harness, old, b"1")
        await old.commit()
    assert await replayed(new) == {}
    await old.close()
    await new.close()


async def test_a_record_that_the_broker_refuses_for_its_size_is_named(harness):
    """It is no transaction in doubt: the same batch would be refused each time. The log is usable after a fence."""
    log = harness.log()
    await log.fence()
    await write(harness, log, b"1")
    await log.commit()
    await log.begin()
    with pytest.raises(TooLargeError):
        await log.produce([], {b"state": b"x" * 1_500_000})
    await log.fence()
    assert await replayed(log) == {b"state": b"1", b"other": None}
    await write(harness, log, b"2")
    await log.commit()
    assert (await replayed(log))[b"state"] == b"2"
    await log.close()


async def test_an_offset_past_the_end_is_another_log(harness):
    """Rule 6: the store does not belong to this changelog."""
    log = harness.log()
    await log.fence()
    with pytest.raises(LogTruncatedError):
        await replayed(log, 1_000)
    await log.close()


async def test_the_latest_acceptance_of_an_offset_is_found(harness):
    """Rule 8; what cannot be read accepts nothing."""
    log = harness.log()
    assert await log.accepted_leap(3) is None
    first, second = LeapAcceptance(2, 5, False, "a"), LeapAcceptance(3, 4, True, "b")
    await harness.accept(first, second)
    assert [await log.accepted_leap(o) for o in (1, 2, 3, 4, 5)] == [None, first, second, first, None]
    await log.close()


async def test_the_bounds_of_the_source_are_known(harness):
    """Rule 9: a position past the end belongs to another source."""
    log = harness.log()
    assert await log.source_bounds() == (0, 0)
    await harness.put_inputs(3)
    assert await log.source_bounds() == (0, 3)
    await log.close()


async def test_a_changelog_without_its_beginning_is_not_replayed(harness):
    """Rule 9: its records were deleted, and half a state would sell portions twice."""
    log = harness.log()
    offset = await commit_twice(harness, log)
    await harness.delete_changelog_before(offset)
    with pytest.raises(LogIncompleteError):
        await replayed(log)
    assert await replayed(log, offset) == {}
    await log.close()


async def test_a_topic_that_is_made_again_has_another_id(harness):
    """Rule 9; with the log open and closed alike, since standby replicas do not fence."""
    log = harness.log()
    ids = await log.topic_ids()
    assert all(ids) and ids.source != ids.changelog
    await log.fence()
    assert await log.topic_ids() == ids
    await harness.make_source_again()
    again = await log.topic_ids()
    assert again.changelog == ids.changelog and again.source not in (ids.source, "")
    await log.close()


async def test_the_committed_offset_of_the_group_is_read(harness):
    """Rule 9: it shows that inputs were decided, though the state is lost."""
    log = harness.log()
    assert await log.committed_input() == 0
    await harness.put_inputs(3)
    await harness.commit_offset(2)
    assert await log.committed_input() == 2
    await log.close()


async def test_the_first_input_is_read_from_the_source(harness):
    """Rule 5: whether a gap is real."""
    log = harness.log()
    await harness.put_inputs(3)
    assert [await log.first_input(o) for o in (0, 2, 3)] == [0, 2, None]
    await log.close()
