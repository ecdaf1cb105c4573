"""Rule 9: a position or a changelog that is not this log's stops the partition; nothing is skipped or guessed."""

import asyncio

import pytest

from schemas import metrics
from tests.support.exactly_once.counting import counts, processor
from tests.support.exactly_once.memory import MemoryBroker, MemoryLog, MemoryStore
from tests.support.virtual_clock import in_virtual_time


def is_stopped(worker) -> bool:
    return metrics.partition_stopped.labels(worker.name)._value.get() == 1


async def decided(broker: MemoryBroker, store: MemoryStore, count: int) -> None:
    """Decide so many inputs."""
    worker = processor(MemoryLog(broker), store)
    await worker.take_over()
    worker.feed([broker.put(b"a") for _ in range(count)])
    await run_for(1, worker)


async def run_for(seconds: float, worker) -> None:
    worker._stopping = False
    task = asyncio.create_task(worker.run())
    await asyncio.sleep(seconds)
    worker.stop()
    await task


@pytest.mark.parametrize("keep_store", [True, False])
@in_virtual_time
async def test_a_source_that_ends_before_the_position_stops_the_partition(keep_store):
    """Fault 6: the topic was restored or made again, and every new acknowledged order was skipped without a word."""
    broker, store = MemoryBroker(), MemoryStore()
    await decided(broker, store, 5)
    broker.inputs.clear()
    worker = processor(MemoryLog(broker), store if keep_store else MemoryStore())
    await worker.take_over()
    worker.feed([broker.put(b"b") for _ in range(3)])
    await run_for(60, worker)
    assert is_stopped(worker)
    assert worker.position.offset == 5
    assert (b"b", b"1") not in counts(broker)


@in_virtual_time
async def test_it_goes_on_when_the_source_is_back():
    """A broker that had fallen behind has caught up; the transport fetches again from the position."""
    broker, store, rewound = MemoryBroker(), MemoryStore(), list[int]()
    await decided(broker, store, 5)
    lost = broker.inputs[3:]
    del broker.inputs[3:]
    worker = processor(MemoryLog(broker), store, rewind=rewound.append)
    await worker.take_over()
    await run_for(20, worker)
    assert is_stopped(worker)
    broker.inputs.extend(lost)
    new = broker.put(b"b")
    await run_for(20, worker)
    assert rewound[-1] == 5
    worker.feed([new])
    await run_for(5, worker)
    assert counts(broker)[-1] == (b"b", b"1")
    assert not is_stopped(worker)


@in_virtual_time
async def test_a_changelog_without_its_beginning_stops_the_partition():
    """With holes in the state, portions are sold twice."""
    broker = MemoryBroker()
    await decided(broker, MemoryStore(), 5)
    broker.changelog_begin = 2
    worker = processor(MemoryLog(broker), MemoryStore())
    await worker.take_over()
    worker.feed(broker.inputs)
    await run_for(60, worker)
    assert is_stopped(worker)
    assert len(counts(broker)) == 5


@in_virtual_time
async def test_a_store_that_has_the_beginning_needs_it_no_more():
    """The local copy goes on from its own offset."""
    broker, store = MemoryBroker(), MemoryStore()
    await decided(broker, store, 5)
    broker.changelog_begin = 2
    await decided(broker, store, 1)
    assert counts(broker)[-1] == (b"a", b"6")


@in_virtual_time
async def test_an_empty_changelog_of_an_old_source_stops_the_partition():
    """The changelog was made again: everything ever decided would be forgotten."""
    broker = MemoryBroker()
    await decided(broker, MemoryStore(), 5)
    del broker.inputs[:2]
    broker.changelog.clear()
    worker = processor(MemoryLog(broker), MemoryStore())
    await worker.take_over()
    worker.feed(broker.inputs)
    await run_for(60, worker)
    assert is_stopped(worker)


@in_virtual_time
async def test_a_source_that_is_made_again_under_a_running_worker_is_noticed():
    """Its consumer starts at the beginning, and everything lies below the position."""
    broker, store = MemoryBroker(), MemoryStore()
    worker = processor(MemoryLog(broker), store)
    await worker.take_over()
    worker.feed([broker.put(b"a") for _ in range(5)])
    await run_for(1, worker)
    broker.inputs.clear()
    worker.feed([broker.put(b"b") for _ in range(3)])
    await run_for(30, worker)
    assert is_stopped(worker)
    assert worker.position.offset == 5


@in_virtual_time
async def test_what_is_fetched_again_is_skipped_without_a_stop():
    """A redelivery of the same source."""
    broker = MemoryBroker()
    worker = processor(MemoryLog(broker), MemoryStore())
    await worker.take_over()
    inputs = [broker.put(b"a") for _ in range(5)]
    worker.feed(inputs)
    await run_for(1, worker)
    worker.feed([*inputs, broker.put(b"b")])
    await run_for(1, worker)
    assert counts(broker)[-1] == (b"b", b"1")
    assert not is_stopped(worker)
