"""How old the views are."""

from ingress.staleness import Staleness
from tests.ingress.fakes import FakeViews


async def test_the_age_of_the_views_is_that_of_the_oldest_partition() -> None:
    """One partition that is behind must not hide behind seven that are not."""
    views = FakeViews()
    views.marks = {0: 9000, 1: 7000}
    assert await Staleness(views, 2, now=0).seconds(10_000) == 3.0


async def test_a_partition_of_which_nothing_is_known_is_as_old_as_the_process() -> None:
    """Missing is not fresh."""
    views = FakeViews()
    views.marks = {0: 10_000}
    assert await Staleness(views, 2, now=4000).seconds(10_000) == 6.0


async def test_the_age_grows_while_redis_is_away_or_empty() -> None:
    """Contract: `promo_view_staleness_seconds`, also when nobody can say it."""
    views = FakeViews()
    views.marks = {0: 10_000}
    staleness = Staleness(views, 1, now=0)
    assert await staleness.seconds(10_000) == 0.0
    views.down = True
    assert await staleness.seconds(12_000) == 2.0
    views.down, views.marks = False, {}
    assert await staleness.seconds(13_000) == 3.0
