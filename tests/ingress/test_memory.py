"""What is remembered of the views, and for how long it may be shown."""

import asyncio

import pytest

from ingress import memory
from ingress.memory import Memory
from ingress.problems import Unavailable
from ingress.views import MenuView
from ingress.watch import Watch
from schemas import views
from tests.ingress.fakes import FakeViews
from tests.ingress.samples import item, menu

KEY = views.menu("r1")


class Reader:
    """A memory over views that change, without a throttle."""

    def __init__(self, unwell_seconds: float = 60) -> None:
        self.views = FakeViews()
        self.watch = Watch(self.views, partitions=8)
        self.memory: Memory[MenuView] = Memory(self.views.menus, self.watch, unwell_seconds)

    async def sku(self) -> str | None:
        held = await self.memory.get(KEY)
        return held.view.items[0].sku if held else None

    def show(self, sku: str) -> None:
        self.views.show("r1", menu([item(sku)]))


@pytest.fixture
async def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    """A reader that has seen its menu."""
    monkeypatch.setattr(memory, "REUSE_SECONDS", 0.0)
    reader = Reader()
    reader.show("a")
    await reader.watch.ask()
    assert await reader.sku() == "a" and reader.views.reads == 1
    return reader


async def test_what_has_not_changed_is_not_read_again(reader: Reader) -> None:
    """However long it is, and whatever else has changed."""
    reader.views.show("r2", menu([item("x")]))
    await reader.watch.ask()
    assert await reader.sku() == "a" and reader.views.reads == 1


async def test_what_has_changed_is_read_again_as_soon_as_it_is_known(reader: Reader) -> None:
    """Invalidated by the versions of the facts, not by time."""
    reader.show("b")
    assert await reader.sku() == "a"
    await reader.watch.ask()
    assert await reader.sku() == "b" and await reader.sku() == "b" and reader.views.reads == 2


async def test_a_change_during_a_read_is_not_missed(reader: Reader) -> None:
    """The watch may hear of it before what was read is there."""
    reader.show("b")
    await reader.watch.ask()
    reading = asyncio.ensure_future(reader.sku())
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the read is under way
    reader.show("c")
    await reader.watch.ask()
    await reading
    assert await reader.sku() == "c"


async def test_what_changes_all_the_time_is_read_now_and_then(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A menu under a surge of orders changes with each; it need not be read with each."""
    monkeypatch.setattr(memory, "REUSE_SECONDS", 0.05)
    for sku in "bcd":
        reader.show(sku)
        await reader.watch.ask()
        assert await reader.sku() == "a"
    await asyncio.sleep(0.06)
    assert await reader.sku() == "d"


async def test_a_menu_that_appears_is_seen_and_one_that_never_was_is_none(reader: Reader) -> None:
    """404 is for what is surely not there."""
    assert await reader.memory.get(views.menu("r2")) is None
    reader.views.show("r2", menu([item("x")]))
    assert await reader.memory.get(views.menu("r2")) is not None


async def test_while_redis_is_away_what_was_read_is_shown_for_so_long() -> None:
    """Redis down: reads answer from memory, then 503; what was never read is 503 at once."""
    reader = Reader(unwell_seconds=0.1)
    reader.show("a")
    await reader.watch.ask()
    await reader.sku()
    reader.views.down = True
    await reader.watch.ask()
    assert not reader.watch.well and await reader.sku() == "a"
    with pytest.raises(Unavailable):
        await reader.memory.get(views.menu("r2"))
    await asyncio.sleep(0.12)
    with pytest.raises(Unavailable):
        await reader.sku()
    reader.views.down = False
    await reader.watch.ask()
    assert await reader.sku() == "a"


async def test_a_redis_that_has_just_gone_away_is_not_noticed(reader: Reader) -> None:
    """Before the watch says so, a read that fails gives what was read before."""
    reader.show("b")
    await reader.watch.ask()
    reader.views.down = True
    assert await reader.sku() == "a"


async def test_emptied_views_take_nothing_away_until_they_are_complete_again(reader: Reader) -> None:
    """A Redis that was started again is empty: that is no reason to say that a restaurant is unknown."""
    reader.views.empty("views-2")
    for _ in range(2):
        assert await reader.sku() == "a"
        with pytest.raises(Unavailable):
            await reader.memory.get(views.menu("r2"))
        await reader.watch.ask()
    reader.show("b")
    assert await reader.sku() == "a"
    reader.views.marks = dict.fromkeys(range(8), 1)
    await reader.watch.ask()
    assert await reader.sku() == "b" and await reader.memory.get(views.menu("r2")) is None


async def test_views_that_were_set_back_are_read_again(reader: Reader) -> None:
    """An older snapshot of the same generation: revisions say nothing any more."""
    for sku in "bc":
        reader.show(sku)
    await reader.watch.ask()
    assert await reader.sku() == "c"
    reader.views.revision, reader.views.changed = 1, {KEY: 1}
    reader.views.by_id["r1"] = menu([item("a")])
    await reader.watch.ask()
    assert await reader.sku() == "a"


async def test_memory_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read longest ago goes first."""
    monkeypatch.setattr(memory, "MOST", 3)
    reader = Reader()
    await reader.watch.ask()
    for n in range(10):
        reader.views.show(f"r{n}", menu([item("x")]))
        await reader.memory.get(views.menu(f"r{n}"))
    assert list(reader.memory._held) == [views.menu(f"r{n}") for n in (7, 8, 9)]
