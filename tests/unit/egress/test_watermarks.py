"""Watermarks: until when the views are complete."""

from hypothesis import given
from hypothesis import strategies as st

from egress.kafka.records import Partition
from egress.projections.watermarks import PendingWatermark, WatermarkTracker

A0, B0, A1 = Partition("a", 0), Partition("b", 0), Partition("a", 1)


def test_reached_at_the_ends_of_all_topics() -> None:
    """The facts of commands before the watermark may be in any of the topics."""
    tracker = WatermarkTracker()
    tracker.observe(0, 1000)
    assert tracker.needs_targets and not tracker.pop_reached({A0: 99, B0: 99})
    tracker.set_targets({A0: 5, B0: 7, A1: 100})
    assert not tracker.needs_targets
    assert not tracker.pop_reached({A0: 5, B0: 6, A1: 0})
    assert tracker.pop_reached({A0: 5, B0: 8, A1: 0}) == {0: PendingWatermark(1000, {A0: 5, B0: 7})}
    assert not tracker.pop_reached({A0: 9, B0: 9}), "once"


def test_newer_watermark_keeps_the_pending_one() -> None:
    """Under load there is always a newer one; targets that moved with it would never be reached."""
    tracker = WatermarkTracker()
    tracker.observe(0, 1000)
    tracker.set_targets({A0: 5})
    tracker.observe(0, 2000)
    tracker.observe(0, 1500)
    assert not tracker.needs_targets
    assert tracker.pop_reached({A0: 5})[0].as_of == 1000
    assert tracker.needs_targets
    tracker.set_targets({A0: 9})
    assert tracker.pop_reached({A0: 9})[0].as_of == 2000


def test_watermark_after_the_ends_waits() -> None:
    """Ends that were read before the watermark say nothing about it."""
    tracker = WatermarkTracker()
    tracker.observe(0, 1000)
    tracker.set_targets({A0: 5, A1: 1})
    tracker.observe(1, 1000)
    assert set(tracker.pop_reached({A0: 9, A1: 9})) == {0} and tracker.needs_targets


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9)), max_size=20))
def test_published_watermarks_only_grow(observed: list[tuple[int, int]]) -> None:
    """Old watermarks are read again after a restart."""
    tracker, published = WatermarkTracker(), [-1, -1]
    for partition, as_of in observed:
        tracker.observe(partition, as_of)
        tracker.set_targets({})
        for reached, watermark in tracker.pop_reached({}).items():
            assert watermark.as_of <= max(a for p, a in observed if p == reached)
            published[reached] = max(published[reached], watermark.as_of)
    for partition in {p for p, _ in observed}:
        assert published[partition] == max(a for p, a in observed if p == partition)
