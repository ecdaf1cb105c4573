"""The cache of views: which entries are served, and for how long."""

import asyncio

import pytest

from ingress.http.problems import Unavailable
from ingress.memory import budgets
from ingress.memory.sized_lru import ENTRY_BYTES
from ingress.views import cache
from ingress.views.cache import MAX_REUSE_SECONDS, ViewCache
from ingress.views.change_tracker import ChangeTracker
from ingress.views.ports import MenuView
from ingress.views.view_sizes import view_bytes
from schemas import view_keys
from tests.support.ingress.fakes import FakeViews
from tests.support.ingress.samples import item, menu
from tests.support.virtual_clock import in_virtual_time

KEY, OTHER_KEY = view_keys.menu("r1"), view_keys.menu("r2")


class Reader:
    """A cache over views that change."""

    def __init__(self, stale_if_error_seconds: float = 60) -> None:
        self.views = FakeViews()
        self.tracker = ChangeTracker(self.views, partitions=8)
        self.cache: ViewCache[MenuView] = ViewCache(
            "menus", self.views.menus, view_bytes, self.tracker, stale_if_error_seconds
        )

    async def sku(self) -> str | None:
        """Return the sku that the menu of KEY shows."""
        entry = await self.cache.get(KEY)
        return entry.view.items[0].sku if entry else None

    def show(self, sku: str) -> None:
        """Change the menu of KEY."""
        self.views.show("r1", menu([item(sku)]))

    async def begin(self) -> None:
        """Read the menu of KEY once."""
        self.show("a")
        await self.tracker.poll()
        assert await self.sku() == "a" and self.views.reads == 1


@pytest.fixture
async def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    """A reader that has read its menu, and reuses no changed entry."""
    monkeypatch.setattr(cache, "MAX_REUSE_SECONDS", 0.0)
    reader = Reader()
    await reader.begin()
    return reader


async def test_unchanged_view_is_not_read_again(reader: Reader) -> None:
    """However long ago it was read, and whatever else has changed."""
    reader.views.show("r2", menu([item("x")]))
    await reader.tracker.poll()
    assert await reader.sku() == "a" and reader.views.reads == 1


async def test_changed_view_is_read_again(reader: Reader) -> None:
    """Invalidated by the versions of the facts, not by time."""
    reader.show("b")
    assert await reader.sku() == "a"
    await reader.tracker.poll()
    assert await reader.sku() == "b" and await reader.sku() == "b" and reader.views.reads == 2


async def test_change_during_read_is_not_missed(reader: Reader) -> None:
    """The tracker may poll a change before the read that lacks it has returned."""
    reader.show("b")
    await reader.tracker.poll()
    reading = asyncio.ensure_future(reader.sku())
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the read is in flight
    reader.show("c")
    await reader.tracker.poll()
    await reading
    assert await reader.sku() == "c"


@in_virtual_time
async def test_hot_view_is_reused_briefly() -> None:
    """Under a surge of orders a menu changes with each of them; it need not be read with each."""
    reader = Reader()
    await reader.begin()
    for sku in "bcd":
        reader.show(sku)
        await reader.tracker.poll()
        assert await reader.sku() == "a"
    await asyncio.sleep(MAX_REUSE_SECONDS)
    assert await reader.sku() == "d"


async def test_unknown_menu_is_none_until_it_appears(reader: Reader) -> None:
    """404 is only for what complete views do not have."""
    assert await reader.cache.get(OTHER_KEY) is None
    reader.views.show("r2", menu([item("x")]))
    assert await reader.cache.get(OTHER_KEY) is not None


@in_virtual_time
async def test_stale_views_are_served_during_outage() -> None:
    """With Redis down, cached views are served for a while, then 503; uncached ones are 503 at once."""
    reader = Reader(stale_if_error_seconds=30)
    await reader.begin()
    reader.views.down = True
    await reader.tracker.poll()
    assert not reader.tracker.is_available
    with pytest.raises(Unavailable):
        await reader.cache.get(OTHER_KEY)
    await asyncio.sleep(29.9)
    assert await reader.sku() == "a"
    await asyncio.sleep(0.2)
    with pytest.raises(Unavailable):
        await reader.sku()
    reader.views.down = False
    await reader.tracker.poll()
    assert await reader.sku() == "a"


async def test_failed_read_serves_cached_view(reader: Reader) -> None:
    """Before the tracker has noticed the outage, a read that fails serves the cached view."""
    reader.show("b")
    await reader.tracker.poll()
    reader.views.down = True
    assert await reader.sku() == "a"


async def test_incomplete_views_do_not_evict(reader: Reader) -> None:
    """A restarted Redis is empty, which does not make a restaurant unknown."""
    reader.views.empty("views-2")
    for _ in range(2):
        assert await reader.sku() == "a"
        with pytest.raises(Unavailable):
            await reader.cache.get(OTHER_KEY)
        await reader.tracker.poll()
    reader.show("b")
    assert await reader.sku() == "a"
    reader.views.watermarks = dict.fromkeys(range(8), 1)
    await reader.tracker.poll()
    assert await reader.sku() == "b" and await reader.cache.get(OTHER_KEY) is None


async def test_restored_views_are_read_again(reader: Reader) -> None:
    """In an older snapshot of the same generation, revisions are no longer comparable."""
    for sku in "bc":
        reader.show(sku)
    await reader.tracker.poll()
    assert await reader.sku() == "c"
    reader.views.revision, reader.views.changed = 1, {KEY: 1}
    reader.views.by_id["r1"] = menu([item("a")])
    await reader.tracker.poll()
    assert await reader.sku() == "a"


async def test_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bytes; the entry that was used longest ago is evicted first."""
    size = view_bytes(menu([item("x")])) + ENTRY_BYTES
    monkeypatch.setitem(budgets.CACHES, "menus", 3 * size)
    reader = Reader()
    await reader.tracker.poll()
    keys = [view_keys.menu(f"r{n}") for n in range(10)]
    for n, key in enumerate(keys):
        reader.views.show(f"r{n}", menu([item("x")]))
        await reader.cache.get(key)
    assert [key for key in keys if reader.cache.get_fresh(key)] == keys[7:]
