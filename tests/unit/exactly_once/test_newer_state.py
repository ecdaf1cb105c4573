"""A state of a newer release stops the partition: no dead letter, no wipe, and it goes on when that release is back."""

from typing import ClassVar

import pytest

from streams.exactly_once.application import Application
from streams.exactly_once.ports import StopError
from streams.exactly_once.processor import Processor
from streams.exactly_once.record_codec import RecordCodec, RecordVersions
from streams.exactly_once.staging import StagedTable
from tests.support.exactly_once.counting import (
    APPLICATION,
    Count,
    count,
    counts,
    dead_letter,
    is_stopped,
    processor,
    run_for,
)
from tests.support.exactly_once.memory import MemoryBroker, MemoryLog, MemoryStore
from tests.support.virtual_clock import in_virtual_time

SECOND = RecordVersions(written=2, known=2)


def of_second_version(log: MemoryLog, store: MemoryStore) -> Processor:
    """Return a worker of the next release, whose counts have version 2."""
    tables = {"counts": StagedTable("counts", Count, store, SECOND)}
    return Processor("in-0", log, store, tables, APPLICATION, log_identity="log")


async def decide(worker: Processor, broker: MemoryBroker, *values: bytes) -> None:
    """Let the worker take over, and decide what waits and these messages."""
    await worker.take_over()
    for value in values:
        broker.put(value)
    worker.feed(broker.inputs[worker.position.offset :])
    await run_for(60, worker)


@in_virtual_time
async def test_a_newer_state_stops_the_partition_until_its_release_is_back(caplog):
    """A rollback past a new version. What does not touch the newer record is decided up to the message that does."""
    broker, store = MemoryBroker(), MemoryStore()
    await decide(of_second_version(MemoryLog(broker), store), broker, b"a")

    rolled_back = processor(MemoryLog(broker), store)
    before = dict(store.data)
    await decide(rolled_back, broker, b"b", b"a", b"b")
    assert is_stopped(rolled_back)
    assert "newer-state" in caplog.text
    assert counts(broker) == [(b"a", b"1"), (b"b", b"1")]
    assert not [output for output in broker.outputs if output.topic == "dlq"]
    assert store.data[b"counts\0a"] == before[b"counts\0a"]

    back = of_second_version(MemoryLog(broker), store)
    await decide(back, broker)
    assert not is_stopped(back)
    assert counts(broker) == [(b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"b", b"2")]


@in_virtual_time
async def test_a_state_that_cannot_be_decoded_stops_the_partition(caplog):
    """Fault 13: a field that a release needs and the state lacks put every command into the dead letters."""
    broker, store = MemoryBroker(), MemoryStore()
    store.open((await MemoryLog(broker).topic_ids()).store_identity("log"))
    store.apply({b"counts\0a": b'{"m":1}'}, 0)
    worker = processor(MemoryLog(broker), store)
    await decide(worker, broker, *[b"a"] * 30)
    assert is_stopped(worker)
    assert "unreadable-state" in caplog.text
    assert (broker.outputs, broker.position().offset) == ([], 0)
    assert store.data == {b"counts\0a": b'{"m":1}'}


@in_virtual_time
async def test_a_message_that_the_handler_stops_at_is_tried_again(caplog):
    """The handler names the reason."""

    class NewerError(StopError):
        reason: ClassVar[str] = "newer-message"

    def handle(message, now, tables, outputs):
        result = count(message, now, tables, outputs)
        if message.value == b"newer":
            raise NewerError("version 3")
        return result

    broker, store = MemoryBroker(), MemoryStore()
    worker = processor(MemoryLog(broker), store, application=Application(handle, dead_letter, (StopError,)))
    await decide(worker, broker, b"a", b"newer", b"a")
    assert is_stopped(worker)
    assert "newer-message" in caplog.text
    assert (counts(broker), broker.position().offset) == ([(b"a", b"1")], 1)
    await decide(processor(MemoryLog(broker), store), broker)
    assert counts(broker) == [(b"a", b"1"), (b"newer", b"1"), (b"a", b"2")]


@pytest.mark.parametrize("versions", [SECOND, RecordVersions(written=1, known=2)])
def test_a_release_that_knows_the_version_reads_it(versions):
    """Both releases of the two steps."""
    raw = RecordCodec(Count, SECOND).encode(Count(3), None)
    assert RecordCodec(Count, versions).decode(raw).record == Count(3)
