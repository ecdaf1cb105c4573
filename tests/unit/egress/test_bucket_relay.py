"""The bucket relay: every command is copied at least once, in order."""

import asyncio
from collections.abc import Iterable

import pytest
from aiokafka.errors import KafkaConnectionError

from egress.bucket_relay.relay import Relay
from egress.kafka.records import Partition, Record
from schemas.topics import BUCKET_COMMANDS
from tests.support.egress.fake_consumer import FakeConsumer
from tests.support.egress.running import running
from tests.support.virtual_clock import in_virtual_time
from tests.support.waiting import eventually

PARTITION = Partition(BUCKET_COMMANDS.name, 0)


class FakeSink:
    """Keeps what is written. The next `failures` writes fail, after they have acted."""

    def __init__(self) -> None:
        self.written: list[bytes | None] = []
        self.failures = 0

    async def write(self, records: Iterable[Record]) -> None:
        await asyncio.sleep(0)
        self.written.extend(r.value for r in records)
        if self.failures:
            self.failures -= 1
            raise KafkaConnectionError("a planned failure")


def source_of(count: int) -> FakeConsumer:
    source = FakeConsumer(PARTITION)
    for n in range(count):
        source.append(PARTITION, b"%d" % n, b"r1#1")
    return source


async def relay_until(source: FakeConsumer, sink: FakeSink, count: int) -> None:
    """Run a relay until `count` records are written and an offset is committed."""
    async with running(Relay(source, sink).run()) as task:
        await eventually(lambda: task.done() or (len(sink.written) >= count and source.committed))
        if task.done():
            await task


@in_virtual_time
async def test_copies_in_order() -> None:
    """First in, first out between two buckets: a menu is there before the orders that need it."""
    source, sink = source_of(20), FakeSink()
    await relay_until(source, sink, 20)
    assert sink.written == [b"%d" % n for n in range(20)]
    assert source.committed == {PARTITION: 39}  # behind the last record, the markers counted


@in_virtual_time
async def test_failed_write_is_repeated() -> None:
    """An offset is committed only when the records before it are written."""
    source, sink = source_of(5), FakeSink()
    sink.failures = 1
    with pytest.raises(KafkaConnectionError):
        await relay_until(source, sink, 5)
    assert not source.committed
    await relay_until(source, sink, 10)
    assert sink.written == [b"%d" % n for n in range(5)] * 2


@in_virtual_time
async def test_rebalance_resumes_at_committed() -> None:
    """What was read before a rebalance may be another member's."""
    source, sink = source_of(3), FakeSink()
    await relay_until(source, sink, 3)
    source.is_reassigned = True
    source.append(PARTITION, b"3")
    await relay_until(source, sink, 4)
    assert sink.written == [b"0", b"1", b"2", b"3"]
