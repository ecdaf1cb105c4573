"""The rules of the runtime (streams/exactly_once/README.md), one by one, on the log in memory."""

import asyncio

import pytest

from streams.exactly_once import failpoints
from streams.exactly_once import processor as processor_module
from streams.exactly_once.ports import FencedError
from streams.exactly_once.processor import RecoveryFailedError
from tests.support.exactly_once.counting import counts, processor, stored
from tests.support.exactly_once.memory import MemoryBroker, MemoryLog, MemoryStore
from tests.support.virtual_clock import in_virtual_time


class Crash(BaseException):
    """The process crashes here."""


def crash_at(point: str):
    def crash(passed: str) -> None:
        if passed == point:
            raise Crash

    return crash


async def process(worker, *messages) -> None:
    """Feed these and run until all is done."""
    worker.feed(messages)
    task = asyncio.create_task(worker.run())
    for _ in range(200):
        await asyncio.sleep(0)
        if task.done() or not worker._queue:
            break
    worker.stop()
    await task


async def test_a_batch_is_one_transaction_with_position_and_state():
    """Rule 2."""
    broker, store = MemoryBroker(), MemoryStore()
    worker = processor(MemoryLog(broker), store)
    await worker.take_over()
    await process(worker, broker.put(b"a", 5), broker.put(b"b", 3), broker.put(b"a", 7))
    assert counts(broker) == [(b"a", b"1"), (b"b", b"1"), (b"a", b"2")]
    assert dict(broker.changelog) == {
        b"counts\0a": stored(2),
        b"counts\0b": stored(1),
        b"\0position": b"3 7",
        b"\0topic-ids": b"source-1 changelog-1",
    }
    assert store.data == dict(broker.changelog)


async def test_time_never_runs_backwards():
    """DECISIONS.md, time-is-an-input: a record with an earlier time is decided at the latest time seen."""
    broker = MemoryBroker()
    worker = processor(MemoryLog(broker), MemoryStore())
    await worker.take_over()
    await process(worker, broker.put(b"a", 9), broker.put(b"a", 2))
    assert worker.position == (2, 9)


@pytest.mark.parametrize("point", failpoints.POINTS)
@pytest.mark.parametrize("keep_store", [True, False])
async def test_after_a_crash_at_any_point_each_message_counts_once(point, keep_store):
    """Whether the store survives or not."""
    broker, store = MemoryBroker(), MemoryStore()
    worker = processor(MemoryLog(broker), store, failpoint=crash_at(point))
    await worker.take_over()
    messages = [broker.put(b"a"), broker.put(b"a")]
    with pytest.raises(Crash):
        await process(worker, *messages)
    successor = processor(MemoryLog(broker), store if keep_store else MemoryStore())
    position = await successor.take_over()
    await process(successor, *messages[position.offset :], broker.put(b"a"))
    assert counts(broker) == [(b"a", b"1"), (b"a", b"2"), (b"a", b"3")]


class DoubtfulLog(MemoryLog):
    """The next commit raises, having happened or not."""

    def __init__(self, broker: MemoryBroker, happened: bool) -> None:
        super().__init__(broker)
        self.doubt: bool | None = happened

    async def commit(self) -> None:
        doubt, self.doubt = self.doubt, None
        if doubt is None:
            return await super().commit()
        if doubt:
            await super().commit()
        raise TimeoutError("no answer")


@pytest.mark.parametrize("happened", [True, False])
async def test_a_commit_in_doubt_is_settled_by_the_changelog(happened):
    """Rule 3: never go on from memory."""
    broker = MemoryBroker()
    worker = processor(DoubtfulLog(broker, happened), MemoryStore())
    await worker.take_over()
    await process(worker, broker.put(b"a"), broker.put(b"a"))
    assert counts(broker) == [(b"a", b"1"), (b"a", b"2")]
    assert dict(broker.changelog)[b"counts\0a"] == stored(2)


async def test_an_error_while_producing_leaves_nothing_behind():
    """Rule 3: on any error drop the staged writes."""

    class Failing(MemoryLog):
        failures = 1

        async def produce(self, outputs, changes):
            offset = await super().produce(outputs, changes)
            if self.failures:
                self.failures -= 1
                raise ConnectionError("gone")
            return offset

    broker = MemoryBroker()
    worker = processor(Failing(broker), MemoryStore())
    await worker.take_over()
    await process(worker, broker.put(b"a"))
    assert counts(broker) == [(b"a", b"1")]


async def test_a_zombie_is_fenced_before_the_state_is_read():
    """Rule 1: the zombie's open transaction is aborted, and its next one fails."""
    broker = MemoryBroker()
    zombie_log = MemoryLog(broker)
    await zombie_log.fence()
    await zombie_log.begin()
    await zombie_log.produce([], {b"counts\0a": b'{"n":99}'})
    worker = processor(MemoryLog(broker), MemoryStore())
    await worker.take_over()
    with pytest.raises(FencedError):
        await zombie_log.commit()
    await process(worker, broker.put(b"a"))
    assert counts(broker) == [(b"a", b"1")]


async def test_a_message_below_the_position_is_skipped():
    """Rule 5: a redelivery changes nothing."""
    broker = MemoryBroker()
    worker = processor(MemoryLog(broker), MemoryStore())
    await worker.take_over()
    first = broker.put(b"a")
    await process(worker, first, first, broker.put(b"a"))
    assert counts(broker) == [(b"a", b"1"), (b"a", b"2")]


async def test_a_fetch_that_ran_ahead_is_repeated():
    """Rule 5: the log has no gap, so no input is lost."""
    broker = MemoryBroker()
    rewound: list[int] = []
    worker = processor(MemoryLog(broker), MemoryStore(), rewind=rewound.append)
    await worker.take_over()
    broker.put(b"a")
    await process(worker, broker.put(b"a"))
    assert (rewound, counts(broker)) == ([0], [])


async def test_lost_inputs_do_not_stop_the_partition():
    """Rule 5: retention has deleted inputs; an alarm is raised."""
    broker = MemoryBroker()
    worker = processor(MemoryLog(broker), MemoryStore())
    await worker.take_over()
    broker.put(b"a")
    second = broker.put(b"a")
    del broker.inputs[0]
    await process(worker, second)
    assert counts(broker) == [(b"a", b"1")]


async def test_a_poison_message_becomes_a_dead_letter():
    """FTGO's defect: a poison message broke every later order. Here it is one record of the same transaction."""
    broker = MemoryBroker()
    worker = processor(MemoryLog(broker), MemoryStore())
    await worker.take_over()
    await process(worker, broker.put(b"a"), broker.put(b"poison"), broker.put(b"a"))
    assert counts(broker) == [(b"a", b"1"), (b"a", b"2")]
    assert [(o.value, o.headers) for o in broker.outputs if o.topic == "dlq"] == [
        (b"poison", [("why", b"poison")])
    ]
    assert b"counts\0poison" not in dict(broker.changelog)


async def test_a_store_of_another_log_is_not_trusted():
    """Rule 6."""
    broker, store = MemoryBroker(), MemoryStore()
    store.open("another")
    store.apply({b"counts\0a": b'{"n":99}', b"\0position": b"7 0"}, 4)
    worker = processor(MemoryLog(broker), store)
    assert (await worker.take_over()).offset == 0
    await process(worker, broker.put(b"a"))
    assert counts(broker) == [(b"a", b"1")]


async def test_a_store_that_is_ahead_of_the_log_is_rebuilt():
    """Rule 6: the changelog was created again under the same name."""
    broker, store = MemoryBroker(), MemoryStore()
    store.open("log")
    store.apply({b"counts\0a": b'{"n":99}'}, 50)
    worker = processor(MemoryLog(broker), store)
    assert (await worker.take_over()).offset == 0
    assert store.data == {}


@in_virtual_time
async def test_recovery_fails_after_a_limit():
    """Every retry has a limit; the supervisor then restarts the worker."""

    class Dead(MemoryLog):
        fences = 0

        async def fence(self) -> None:
            self.fences += 1
            raise ConnectionError("no broker")

    log = Dead(MemoryBroker())
    with pytest.raises(RecoveryFailedError):
        await processor(log, MemoryStore()).take_over()
    assert log.fences == 12


async def test_queue_is_full_by_bytes_too(monkeypatch):
    """The transport stops fetching before a few large commands fill the memory of the worker."""
    monkeypatch.setattr(processor_module, "MAX_QUEUE_BYTES", 10)
    broker = MemoryBroker()
    worker = processor(MemoryLog(broker), MemoryStore())
    small = broker.put(b"a", 1)._replace(value=b"123456789")
    assert not worker.feed([small])
    assert worker.feed([small])
