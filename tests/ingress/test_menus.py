"""Pages of menus, over views that are being filled."""

import asyncio
import json
import time

from ingress.memory import REUSE_SECONDS
from ingress.menus import Menus
from ingress.watch import Watch
from tests.ingress.fakes import FakeViews
from tests.ingress.samples import item, menu, stock


async def test_a_menu_that_was_read_before_its_watermark_is_read_again_though_it_has_not_changed() -> None:
    """Without one nothing is known of what is taken; a later one says nothing of what was read before it."""
    views = FakeViews()
    known = menu([item("coxinha")], [stock("coxinha", 50, 50)], as_of=time.time_ns() // 1_000_000)
    views.show("r1", menu(known.items, as_of=0))  # its stocks were there, and not to be believed
    watch = Watch(views, 8)
    await watch.ask()
    menus = Menus(views, watch, unwell_seconds=1)
    page = json.loads((await menus.menu("r1", "")).body)
    assert page["degraded"] and page["items"][0]["availability"] == {"state": "limited", "count": None}
    views.by_id["r1"] = known  # no field of it has changed: there is a watermark now
    await asyncio.sleep(REUSE_SECONDS)
    page = json.loads((await menus.menu("r1", "")).body)
    assert not page["degraded"] and page["items"][0]["availability"] == {"state": "sold_out", "count": 0}
