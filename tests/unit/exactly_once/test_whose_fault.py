"""Whose fault it is if a message cannot be handled: its own, the handler's, the store's or the broker's."""

import pytest

from streams.exactly_once import poison
from streams.exactly_once.application import IDLE, Application
from streams.exactly_once.ports import Output, TooLargeError
from streams.exactly_once.processor import Processor, RecoveryFailedError
from tests.support.exactly_once.counting import (
    PoisonError,
    count,
    counts,
    dead_letter,
    is_stopped,
    processor,
    run_for,
)
from tests.support.exactly_once.memory import MemoryBroker, MemoryLog, MemoryStore
from tests.support.virtual_clock import in_virtual_time


def dead(broker: MemoryBroker) -> list[bytes]:
    return [output.value for output in broker.outputs if output.topic == "dlq"]


async def started(broker: MemoryBroker, store: MemoryStore | None = None, **options) -> Processor:
    worker = processor(MemoryLog(broker), store or MemoryStore(), **options)
    await worker.take_over()
    return worker


@in_virtual_time
async def test_a_read_that_fails_rebuilds_the_store_and_loses_no_message():
    """Fault 5: one failed read threw an acknowledged order into the dead letters, and committed its position."""
    broker, store = MemoryBroker(), MemoryStore()
    worker = await started(broker, store)
    worker.feed([broker.put(b"a"), broker.put(b"b")])
    await run_for(1, worker)
    store.failures = 1
    worker.feed([broker.put(b"a"), broker.put(b"b")])
    await run_for(5, worker)
    assert counts(broker) == [(b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"b", b"2")]
    assert dead(broker) == []
    assert store.data == dict(broker.changelog)


async def test_a_store_that_fails_in_a_takeover_is_rebuilt():
    """Its position cannot be read: twelve attempts on the same folder would fail alike."""
    broker, store = MemoryBroker(), MemoryStore()
    worker = await started(broker, store)
    worker.feed([broker.put(b"a")])
    await run_for(0.1, worker)
    store.failures = 1
    assert (await worker.take_over()).offset == 1
    assert store.data == dict(broker.changelog)


@in_virtual_time
async def test_a_store_that_always_fails_ends_the_worker():
    """Its supervisor starts it again, elsewhere if the disk is gone."""
    broker, store = MemoryBroker(), MemoryStore()
    worker = await started(broker, store)

    def get(key: bytes) -> bytes | None:
        store.failures = 0 if key == b"\0position" else 1
        return MemoryStore.get(store, key)

    store.get = get  # type: ignore[method-assign]
    worker.feed([broker.put(b"a")])
    with pytest.raises(RecoveryFailedError):
        await run_for(60, worker)
    assert (broker.outputs, broker.position().offset) == ([], 0)


@in_virtual_time
async def test_one_defect_is_set_aside():
    """The messages beside it are handled."""
    broker = MemoryBroker()
    worker = await started(broker)
    worker.feed([broker.put(value) for value in (b"a", b"defect", b"a")])
    await run_for(1, worker)
    assert counts(broker) == [(b"a", b"1"), (b"a", b"2")]
    assert dead(broker) == [b"defect"]
    assert not is_stopped(worker)


@in_virtual_time
async def test_a_defect_at_every_message_stops_the_partition():
    """A bad release does not empty the backlog into the dead letters."""
    broker = MemoryBroker()
    worker = await started(broker)
    worker.feed([broker.put(b"defect %d" % n) for n in range(100)])
    await run_for(600, worker)
    assert len(dead(broker)) == poison.MAX_CONSECUTIVE_DEFECTS
    assert is_stopped(worker)


@in_virtual_time
async def test_the_next_release_decides_what_waited():
    """Nothing was lost but what was set aside before the partition stopped."""
    broker, store = MemoryBroker(), MemoryStore()
    worker = await started(broker, store)
    worker.feed([broker.put(b"defect %d" % n) for n in range(100)])
    await run_for(60, worker)

    def mended(message, now, tables, outputs):
        outputs.append(Output("out", 0, message.value, b"1"))
        return "counted"

    successor = await started(broker, store, application=Application(mended, dead_letter))
    successor.feed(broker.inputs[successor.position.offset :])
    await run_for(60, successor)
    assert len(counts(broker)) == 100 - poison.MAX_CONSECUTIVE_DEFECTS
    assert not is_stopped(successor)


@in_virtual_time
async def test_defects_between_good_messages_are_bounded_by_the_minute():
    """Every second message fails."""
    broker = MemoryBroker()
    worker = await started(broker)
    worker.feed([broker.put(b"defect" if n % 2 else b"a") for n in range(200)])
    await run_for(30, worker)
    assert len(dead(broker)) == poison.MAX_DEFECTS_PER_MINUTE
    await run_for(60, worker)
    assert len(dead(broker)) == 2 * poison.MAX_DEFECTS_PER_MINUTE


@in_virtual_time
async def test_an_idle_message_does_not_show_that_the_handler_works():
    """Ticks succeed in a release that cannot decide an order."""

    def handle(message, now, tables, outputs):
        if message.value == b"tick":
            return IDLE
        raise KeyError("defect")

    broker = MemoryBroker()
    worker = await started(broker, application=Application(handle, dead_letter))
    worker.feed([broker.put(b"order" if n % 2 else b"tick") for n in range(200)])
    await run_for(600, worker)
    assert len(dead(broker)) == poison.MAX_CONSECUTIVE_DEFECTS


@in_virtual_time
async def test_rejected_messages_are_bounded_by_the_minute_too(monkeypatch):
    """A client whose commands cannot be read fills no dead letters at full speed."""
    monkeypatch.setattr(poison, "MAX_REJECTIONS_PER_MINUTE", 10)
    broker = MemoryBroker()
    worker = await started(broker)
    worker.feed([broker.put(b"poison") for _ in range(25)])
    await run_for(50, worker)
    assert len(dead(broker)) == 10
    assert is_stopped(worker)
    await run_for(120, worker)
    assert len(dead(broker)) == 25


def with_record(limit: int, *, known: bool = True) -> Application:
    """Return the counting application; "large" writes a record above `limit`, which the application knows or not."""

    def handle(message, now, tables, outputs):
        if message.value == b"large":
            outputs.append(Output("facts", 0, b"k", b"x" * limit))
        return count(message, now, tables, outputs)

    limits = {"max_record_bytes": lambda topic: limit} if known else {}
    return Application(handle, dead_letter, (PoisonError,), **limits)


@pytest.mark.parametrize("known", [True, False])
@in_virtual_time
async def test_a_record_that_is_too_large_is_the_message_s_fault(known):
    """Fault 3: the broker refused the whole batch each time, and the partition tried it without an end."""
    broker = MemoryBroker()
    broker.max_record_bytes = 2_000
    worker = await started(broker, application=with_record(2_000, known=known))
    worker.feed([broker.put(b"large" if n == 37 else b"a") for n in range(100)])
    await run_for(30, worker)
    assert len(counts(broker)) == 99
    assert dead(broker) == [b"large"]
    assert broker.position().offset == 100


@in_virtual_time
async def test_a_state_that_is_too_large_is_the_message_s_fault():
    """What is written to the changelog has the same bound."""

    def handle(message, now, tables, outputs):
        if message.value == b"large":
            tables["counts"].put("x" * 3_000, tables["counts"].get("a"))
        return count(message, now, tables, outputs)

    broker = MemoryBroker()
    application = Application(handle, dead_letter, max_record_bytes=lambda topic: 2_000)
    worker = await started(broker, application=application)
    worker.feed([broker.put(b"large" if n == 5 else b"a") for n in range(20)])
    await run_for(30, worker)
    assert len(counts(broker)) == 19
    assert dead(broker) == [b"large"]


@in_virtual_time
async def test_a_dead_letter_that_is_refused_stops_the_partition():
    """There is nothing left to set aside; nothing is lost either."""
    broker = MemoryBroker()
    broker.max_record_bytes = 2_000
    worker = await started(broker)
    worker.feed([broker.put(b"defect" + b"x" * 5_000), broker.put(b"a")])
    await run_for(60, worker)
    assert is_stopped(worker)
    assert (broker.outputs, broker.position().offset) == ([], 0)


@in_virtual_time
async def test_a_broker_that_refuses_everything_ends_the_worker():
    """Every retry has a limit, though each recovery succeeds."""

    class Refusing(MemoryLog):
        async def produce(self, outputs, changes):
            raise ConnectionError("no partition of that number")

    broker = MemoryBroker()
    worker = processor(Refusing(broker), MemoryStore())
    await worker.take_over()
    worker.feed([broker.put(b"a")])
    with pytest.raises(RecoveryFailedError):
        await run_for(300, worker)


@in_virtual_time
async def test_a_broker_that_refuses_every_record_empties_no_backlog():
    """A topic has lost its setting: that is not the fault of two thousand orders."""
    broker = MemoryBroker()

    class Refusing(MemoryLog):
        async def produce(self, outputs, changes):
            if any(output.topic == "out" for output in outputs):
                raise TooLargeError("out")
            return await super().produce(outputs, changes)

    worker = processor(Refusing(broker), MemoryStore())
    await worker.take_over()
    worker.feed([broker.put(b"a") for _ in range(500)])
    await run_for(600, worker)
    assert len(dead(broker)) == poison.MAX_CONSECUTIVE_DEFECTS
    assert is_stopped(worker)
