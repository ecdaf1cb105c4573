"""The committable offset of records that end in any order."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from egress.kafka.group_worker import OffsetTracker
from egress.kafka.records import Partition, Record

PARTITION = Partition("topic", 0)


def record(offset: int) -> Record:
    return Record(PARTITION, offset, b"")


@settings(deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=30), st.randoms())
def test_never_passes_a_record_in_flight(gaps: list[int], random: Random) -> None:
    """kill -9 loses none: what is committed is done."""
    tracker, offsets = OffsetTracker(), [sum(gaps[: n + 1]) for n in range(len(gaps))]
    for offset in offsets:
        tracker.start(record(offset))
    in_flight, committable = list(offsets), 0
    random.shuffle(in_flight)
    while in_flight:
        assert tracker.committable()[PARTITION] == min(in_flight) >= committable
        committable = tracker.committable()[PARTITION]
        tracker.done(record(in_flight.pop()))
    assert tracker.committable() == {PARTITION: offsets[-1] + 1}
