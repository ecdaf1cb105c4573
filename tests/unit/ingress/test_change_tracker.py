"""The change tracker."""

from ingress.views.change_tracker import ChangeTracker
from schemas.timestamps import wall_clock
from tests.support.ingress.fakes import FakeViews


async def tracker_of(views: FakeViews, partitions: int) -> ChangeTracker:
    """Return a tracker that has polled once."""
    tracker = ChangeTracker(views, partitions)
    await tracker.poll()
    return tracker


async def test_views_available_when_complete() -> None:
    """Redis must answer, and every partition must have a watermark."""
    views = FakeViews(2)
    assert (await tracker_of(views, 2)).is_available
    assert not (await tracker_of(views, 3)).is_available
    views.down = True
    assert not (await tracker_of(views, 2)).is_available


async def test_staleness_is_that_of_oldest_partition() -> None:
    """One partition that is behind must not be hidden by seven that are not."""
    views = FakeViews()
    views.watermarks = {0: 9000, 1: 7000}
    assert (await tracker_of(views, 2)).staleness(10_000) == 3.0


async def test_unknown_partition_is_as_old_as_process() -> None:
    """A missing watermark does not count as a recent one."""
    before = wall_clock()
    tracker = await tracker_of(FakeViews(1), 2)
    now = wall_clock() + 6_000
    assert 6.0 <= tracker.staleness(now) <= (now - before) / 1000


async def test_staleness_grows_while_redis_is_down() -> None:
    """Contract: `promo_view_staleness_seconds`; also while Redis is empty."""
    views = FakeViews()
    views.watermarks = {0: 10_000}
    tracker = await tracker_of(views, 1)
    assert tracker.staleness(10_000) == 0.0
    views.down = True
    await tracker.poll()
    assert tracker.staleness(12_000) == 2.0
    views.down = False
    views.empty("views-2")
    await tracker.poll()
    assert tracker.staleness(13_000) == 3.0 and tracker.as_of(0) == 0
