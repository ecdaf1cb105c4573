"""Rule 8: a record whose time leaps stops the partition until an operator has accepted it."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import metrics
from streams.exactly_once.clock_guard import MAX_LEAP_MS, ClockLeapError, LeapAcceptance, leaps, time_of
from tests.support.exactly_once.counting import counts, processor
from tests.support.exactly_once.memory import MemoryBroker, MemoryLog, MemoryStore
from tests.support.virtual_clock import in_virtual_time

NOW, DAY = 1_800_000_000_000, 86_400_000
INSTANTS = st.integers(NOW - 3 * DAY, NOW + 3 * DAY)


@given(INSTANTS, INSTANTS, INSTANTS)
def test_only_a_time_ahead_of_both_clocks_leaps(timestamp, latest, clock):
    """A late worker, or a pause of the records, is no leap."""
    if leaps(timestamp, latest, clock):
        assert timestamp - latest > MAX_LEAP_MS and timestamp - clock > MAX_LEAP_MS
        with pytest.raises(ClockLeapError):
            time_of(0, timestamp, latest, clock, None)
    else:
        assert time_of(0, timestamp, latest, clock, None) == max(timestamp, latest)


@given(INSTANTS, INSTANTS, INSTANTS, st.booleans())
def test_time_never_runs_backwards_and_an_operator_can_keep_it(timestamp, latest, clock, keep_time):
    """An acceptance covers its own offsets."""
    acceptance = LeapAcceptance(5, 7, keep_time, "")
    time = time_of(6, timestamp, latest, clock, acceptance)
    assert time >= latest
    if leaps(timestamp, latest, clock):
        assert time == (latest if keep_time else timestamp)
        with pytest.raises(ClockLeapError):
            time_of(7, timestamp, latest, clock, acceptance)


@pytest.mark.parametrize(("keep_time", "ends_at"), [(True, NOW + 1), (False, NOW + DAY)])
@in_virtual_time
async def test_a_leap_waits_for_an_operator(keep_time, ends_at):
    """Fault 14: five orders in the oven were cancelled and refunded, and time stood still for a day."""
    broker = MemoryBroker()
    worker = processor(MemoryLog(broker), MemoryStore(), clock=lambda: NOW)
    await worker.take_over()
    worker.feed([broker.put(b"a", NOW), broker.put(b"a", NOW + DAY), broker.put(b"a", NOW + 1)])
    running = asyncio.create_task(worker.run())
    await asyncio.sleep(60)
    assert counts(broker) == [(b"a", b"1")]
    assert worker.position == (1, NOW)
    assert metrics.partition_stopped.labels(worker.name)._value.get() == 1
    broker.acceptances.append(LeapAcceptance(1, 2, keep_time, "the broker's clock was wrong"))
    await asyncio.sleep(60)
    assert len(counts(broker)) == 3
    assert worker.position == (3, ends_at)
    assert metrics.partition_stopped.labels(worker.name)._value.get() == 0
    worker.stop()
    await running


@in_virtual_time
async def test_a_clock_that_catches_up_needs_no_operator():
    """It was the worker's own that was behind."""
    broker, clocks = MemoryBroker(), iter([NOW, *[NOW + DAY] * 20])
    worker = processor(MemoryLog(broker), MemoryStore(), clock=lambda: next(clocks))
    await worker.take_over()
    worker.feed([broker.put(b"a", NOW + DAY)])
    running = asyncio.create_task(worker.run())
    await asyncio.sleep(60)
    worker.stop()
    await running
    assert len(counts(broker)) == 1
