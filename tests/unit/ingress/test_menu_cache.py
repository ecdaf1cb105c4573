"""Cached pages of menus."""

import asyncio
import json

from ingress.views.cache import MAX_REUSE_SECONDS
from ingress.views.change_tracker import ChangeTracker
from ingress.views.menu_cache import MenuCache
from schemas.timestamps import wall_clock
from tests.support.ingress.fakes import FakeViews
from tests.support.ingress.samples import item, menu, stock
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
