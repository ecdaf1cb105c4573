"""Rule 9: a position or a changelog that is not this log's stops the partition; nothing is skipped or guessed."""

import asyncio
from pathlib import Path

import pytest
from faust.types import TP

from schemas.kafka_connection import KafkaConnection
from streams.exactly_once.runtime import ExactlyOnceRuntime, RuntimeSettings
from streams.exactly_once.topic_ids import TOPIC_IDS_KEY, TopicIds, decode_topic_ids
from tests.support.exactly_once.counting import counts, is_stopped, processor, run_for
from tests.support.exactly_once.memory import MemoryBroker, MemoryLog, MemoryStore
from tests.support.virtual_clock import in_virtual_time


async def decided(broker: MemoryBroker, store: MemoryStore, count: int) -> None:
    """Decide so many inputs."""
    worker = processor(MemoryLog(broker), store)
    await worker.take_over()
    worker.feed([broker.put(b"a") for _ in range(count)])
    await run_for(1, worker)


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


@pytest.mark.parametrize("made_again", ["source", "changelog"])
@pytest.mark.parametrize("keep_store", [True, False])
@in_virtual_time
async def test_a_topic_of_another_id_stops_the_partition(made_again, keep_store):
    """It was made again and has outgrown the position, or was filled from a copy: only its id shows that."""
    broker, store = MemoryBroker(), MemoryStore()
    await decided(broker, store, 5)
    broker.topic_ids = broker.topic_ids._replace(**{made_again: "made-again"})
    worker = processor(MemoryLog(broker), store if keep_store else MemoryStore())
    await worker.take_over()
    assert not worker.is_trusted
    worker.feed([broker.put(b"b") for _ in range(20)])
    await run_for(60, worker)
    assert is_stopped(worker)
    assert (b"b", b"1") not in counts(broker)


@in_virtual_time
async def test_a_store_of_another_changelog_is_not_continued():
    """A changelog that was made again may be longer than the store's offset: the state would be two logs' mixture."""
    broker, store = MemoryBroker(), MemoryStore()
    await decided(broker, store, 5)
    other = MemoryBroker()
    other.topic_ids = other.topic_ids._replace(changelog="changelog-2")
    await decided(other, MemoryStore(), 20)
    worker = processor(MemoryLog(other), store)
    await worker.take_over()
    assert worker.is_trusted and worker.position.offset == 20
    worker.feed([other.put(b"a")])
    await run_for(1, worker)
    assert counts(other)[-1] == (b"a", b"21")


@in_virtual_time
async def test_no_state_beside_committed_inputs_stops_the_partition():
    """The changelog was emptied, and the source still has all inputs: they would be decided again, with new facts."""
    broker = MemoryBroker()
    await decided(broker, MemoryStore(), 5)
    broker.changelog.clear()
    broker.committed_input = 5
    worker = processor(MemoryLog(broker), MemoryStore())
    await worker.take_over()
    worker.feed(broker.inputs)
    await run_for(60, worker)
    assert is_stopped(worker)
    assert len(counts(broker)) == 5
    broker.committed_input = 0  # an operator has deleted the group
    await run_for(10, worker)
    worker.feed(broker.inputs)
    await run_for(5, worker)
    assert not is_stopped(worker) and len(counts(broker)) == 10


@in_virtual_time
async def test_a_stopped_partition_commits_no_offset():
    """The group's offset is all that shows a lost state: 0 in its place would let the next worker begin again."""
    broker = MemoryBroker()
    broker.committed_input = 5
    settings = RuntimeSettings(KafkaConnection("127.0.0.1:9"), "counter", Path(), log_identity="log")
    runtime, tp = ExactlyOnceRuntime(settings), TP("in", 0)
    worker = runtime._processors[tp] = processor(MemoryLog(broker), MemoryStore())
    runtime._running[tp] = asyncio.current_task()
    await worker.take_over()
    assert (runtime.position(tp), runtime.offset_to_commit(tp)) == (0, None)
    broker.committed_input = 0
    await worker.take_over()
    assert (runtime.position(tp), runtime.offset_to_commit(tp)) == (0, 0)
    assert runtime.offset_to_commit(TP("in", 1)) is None


@in_virtual_time
async def test_a_position_of_an_earlier_release_gets_its_ids():
    """It had none; an earlier release reads the position with them, and leaves them as they are."""
    broker, store = MemoryBroker(), MemoryStore()
    await decided(broker, store, 5)
    broker.changelog = [(k, v) for k, v in broker.changelog if k != TOPIC_IDS_KEY]
    await decided(broker, MemoryStore(), 1)
    stored = [v for k, v in broker.changelog if k == TOPIC_IDS_KEY]
    assert [decode_topic_ids(v) for v in stored] == [broker.topic_ids]
    await decided(broker, store, 1)
    assert sum(k == TOPIC_IDS_KEY for k, _ in broker.changelog) == 1
    offset, _ = broker.position().encode().split(b" ")  # as it reads it
    assert int(offset) == 7


@in_virtual_time
async def test_ids_that_an_operator_has_accepted_are_those_of_the_state():
    """`promo position accept` stores them, after a restore of both topics from one backup."""
    broker, store = MemoryBroker(), MemoryStore()
    await decided(broker, store, 5)
    broker.topic_ids = TopicIds("restored-source", "restored-changelog")
    worker = processor(MemoryLog(broker), store)
    await worker.take_over()
    await run_for(20, worker)
    assert is_stopped(worker)
    broker.changelog.append((TOPIC_IDS_KEY, broker.topic_ids.encode()))
    await run_for(20, worker)
    worker.feed([broker.put(b"a")])
    await run_for(5, worker)
    assert counts(broker)[-1] == (b"a", b"6") and not is_stopped(worker)
    assert decode_topic_ids(store.get(TOPIC_IDS_KEY)) == broker.topic_ids


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
