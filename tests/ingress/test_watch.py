"""The watch over the views."""

from ingress.watch import Watch
from tests.ingress.fakes import FakeViews


async def watched(views: FakeViews, partitions: int) -> Watch:
    watch = Watch(views, partitions)
    await watch.ask()
    return watch


async def test_views_are_well_when_redis_answers_and_every_partition_has_a_watermark() -> None:
    """Missing is not complete."""
    views = FakeViews(2)
    assert (await watched(views, 2)).well
    assert not (await watched(views, 3)).well
    views.down = True
    assert not (await watched(views, 2)).well


async def test_the_age_of_the_views_is_that_of_the_oldest_partition() -> None:
    """One partition that is behind must not hide behind seven that are not."""
    views = FakeViews()
    views.marks = {0: 9000, 1: 7000}
    assert (await watched(views, 2)).staleness(10_000) == 3.0


async def test_a_partition_of_which_nothing_is_known_is_as_old_as_the_process() -> None:
    """Missing is not fresh."""
    views = FakeViews(1)
    watch = await watched(views, 2)
    now = max(views.marks[0], watch._as_of[1])
    assert watch.staleness(now + 6000) >= 6.0


async def test_the_age_grows_while_redis_is_away_or_empty() -> None:
    """Contract: `promo_view_staleness_seconds`, also when nobody can say it."""
    views = FakeViews()
    views.marks = {0: 10_000}
    watch = await watched(views, 1)
    assert watch.staleness(10_000) == 0.0
    views.down = True
    await watch.ask()
    assert watch.staleness(12_000) == 2.0
    views.down = False
    views.empty("views-2")
    await watch.ask()
    assert watch.staleness(13_000) == 3.0 and watch.as_of(0) == 0
