"""Cached pages of menus."""

import asyncio
import gc
import json
import tracemalloc
from collections.abc import Iterable, Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.memory import budgets
from ingress.views import cache, menu_cache
from ingress.views.cache import MAX_REUSE_SECONDS, CachedView
from ingress.views.change_tracker import ChangeTracker
from ingress.views.menu_cache import PAGE_BYTES, MenuCache
from ingress.views.ports import MenuView
from ingress.views.view_sizes import view_bytes
from schemas.timestamps import wall_clock
from tests.support.ingress.fakes import FakeViews
from tests.support.ingress.samples import NOW, item, menu, promotion, stock
from tests.support.virtual_clock import in_virtual_time


@in_virtual_time
async def test_menu_without_watermark_is_read_again() -> None:
    """Without a watermark its reservations are unknown; a later watermark says nothing about an earlier read."""
    views = FakeViews()
    complete = menu([item("coxinha")], [stock("coxinha", 50, 50)], as_of=wall_clock())
    views.show("r1", menu(complete.items, as_of=0))  # Redis has its stocks, without a watermark
    tracker = ChangeTracker(views, 8)
    await tracker.poll()
    menus = MenuCache(views, tracker, stale_if_error_seconds=1)
    page = json.loads((await menus.menu("r1", "")).body)
    assert page["degraded"] and page["items"][0]["availability"] == {"state": "limited", "count": None}
    views.by_id["r1"] = complete  # no field of it has changed: only the watermark has come
    await asyncio.sleep(MAX_REUSE_SECONDS)
    page = json.loads((await menus.menu("r1", "")).body)
    assert not page["degraded"]
    assert page["items"][0]["availability"] == {"state": "sold_out", "count": 0}


@pytest.fixture
async def menus(monkeypatch: pytest.MonkeyPatch) -> MenuCache:
    """Menus of one restaurant with a hundred long descriptions, in a second that does not end."""
    monkeypatch.setattr(menu_cache, "wall_clock", lambda: NOW)
    views = FakeViews()
    views.publish_watermarks(NOW)
    views.show("r1", menu([item(f"s{n:03}", description="d" * 2_000) for n in range(100)]))
    tracker = ChangeTracker(views, 8)
    await tracker.poll()
    return MenuCache(views, tracker, stale_if_error_seconds=1)


def spellings(name: str, value: str) -> Iterator[str]:
    """Yield each spelling of one parameter in which some of its first characters are percent-encoded."""
    text = f"{name}={value}"
    places = [place for place, character in enumerate(text) if character not in "=&"][:12]
    for chosen in range(2 ** len(places)):
        encoded = {place for bit, place in enumerate(places) if chosen >> bit & 1}
        yield "".join(f"%{ord(c):02x}" if place in encoded else c for place, c in enumerate(text))


@pytest.mark.parametrize(
    ("query", "others"),
    [
        ("limit=2", spellings("limit", "2")),
        ("available=true&limit=2", spellings("available", "1&limit=2")),
        ("", ["limit=20", "min_price=0", "max_price=100000000", "q=", "q=%20", "promo=false", "available=0"]),
        ("q=pao+d", ["q=P%C3%83O%20D", "q=d+pao", "q=d+d++pao", "q=pa%CC%83o+d"]),
    ],
)
async def test_spellings_of_a_query_share_a_page(query: str, others: Iterable[str], menus: MenuCache) -> None:
    """What a query means names its page: percent-encoding, order, case and defaults do not."""
    await menus.menu("r1", query)
    page = await menus.menu("r1", query)
    for other in others:
        assert await menus.menu("r1", other) is page, other


async def test_pages_that_one_client_requests_are_not_kept(menus: MenuCache) -> None:
    """Distinct pages are free to request: what is kept of them is bounded, and is nothing after one request."""
    await menus.menu("r1", "")
    tracemalloc.start()
    for price in range(300):
        await menus.menu("r1", f"limit=100&min_price={price}")
    assert tracemalloc.get_traced_memory()[0] < 1_000_000
    for price in range(300):
        for _ in range(2):
            await menus.menu("r1", f"limit=100&min_price={price}")
    assert tracemalloc.get_traced_memory()[0] < 1.1 * budgets.CACHES["pages"]
    tracemalloc.stop()


async def test_page_is_kept_once(menus: MenuCache) -> None:
    """Its document is the end of its response, and the start of its next one."""
    tracemalloc.start()
    size = 0
    for _ in range(3):
        page = await menus.menu("r1", "limit=100")
        size = len(page.body)
        assert json.loads(page.body)["items"]
    await menus.menu("r1", "limit=100")
    assert size < tracemalloc.get_traced_memory()[0] < size + PAGE_BYTES + 20_000
    tracemalloc.stop()


async def test_page_does_not_keep_an_outdated_view(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is not requested again would keep each earlier version of a menu, of megabytes."""
    monkeypatch.setattr(cache, "MAX_REUSE_SECONDS", 0.0)
    views = FakeViews()
    views.show("r1", menu([item("a")]))
    tracker = ChangeTracker(views, 8)
    await tracker.poll()
    menus = MenuCache(views, tracker, stale_if_error_seconds=1)
    await menus.menu("r1", "limit=1")
    await menus.menu("r1", "limit=1")
    outdated = (await menus._get_menu("r1")).number
    views.show("r1", menu([item("b")]))
    await tracker.poll()
    await menus.menu("r1", "")
    gc.collect()
    held = [entry for entry in gc.get_objects() if isinstance(entry, CachedView) and entry.number == outdated]
    assert not held


@given(
    st.lists(
        st.sampled_from(["", "d" * 2_000, "é" * 500, "😀" + "d" * 1_999, "🎉"]), min_size=1, max_size=60
    ),
    st.integers(0, 20),
)
def test_view_needs_no_more_memory_than_it_counts(descriptions: list[str], promotions: int) -> None:
    """Whatever its texts are made of, and however short they are."""
    skus = [f"s{number}" for number in range(len(descriptions))]
    allotments = {f"p{number}": 5 for number in range(promotions)}
    view = menu(
        [item(sku, description=text) for sku, text in zip(skus, descriptions, strict=True)],
        [stock(sku, 9, **allotments) for sku in skus],
        [promotion(name, **dict.fromkeys(skus, 1)) for name in allotments],
    )
    raw = msgspec.json.encode(view)
    decoder = msgspec.json.Decoder(MenuView)
    decoder.decode(raw)
    tracemalloc.start()
    read = decoder.decode(raw)
    assert tracemalloc.get_traced_memory()[0] < view_bytes(read)
    tracemalloc.stop()
