"""What readers are told while a part of the stack does not do its work."""

import asyncio
import json
import time
from typing import Any

from tests.e2e.conftest import STALE_READS_SECONDS
from tests.e2e.customers import Answer, Kitchen
from tests.e2e.stack import Stack


async def menu(kitchen: Kitchen, restaurant: str) -> Answer:
    return await kitchen.call("GET", f"/v1/restaurants/{restaurant}/menu")


async def page(kitchen: Kitchen, restaurant: str) -> dict[str, Any]:
    answer = await menu(kitchen, restaurant)
    assert answer.status == 200, answer.body
    return dict(json.loads(answer.body))


async def until_shown(kitchen: Kitchen, restaurant: str, count: int, seconds: float) -> None:
    shown = {"state": "available", "count": count}
    async with asyncio.timeout(seconds):
        while True:
            answer = await menu(kitchen, restaurant)
            items = json.loads(answer.body).get("items", [])
            if [item["availability"] for item in items] == [shown]:
                return
            await asyncio.sleep(0.05)


async def test_paused_egress_shows_no_false_count(kitchen: Kitchen, stack: Stack) -> None:
    """Shown when: `degraded` within 4 s and never a false count; when it resumes, right within 3 s."""
    restaurant = await kitchen.open(coxinha=10)
    await until_shown(kitchen, restaurant, 10, 10)
    with stack.paused("egress"):
        hung = time.monotonic()
        assert (await kitchen.order(restaurant, "k", ("coxinha", 3), method="cash")).status == 201
        while not (read := await page(kitchen, restaurant))["degraded"]:
            # a count is one of at most 3 s ago, which `as_of` says
            assert read["items"][0]["availability"]["count"] in (7, 10)
            assert time.monotonic() < hung + 4
            await asyncio.sleep(0.02)
        for _ in range(50):
            read = await page(kitchen, restaurant)
            assert read["degraded"] and read["items"][0]["availability"] == {
                "state": "limited",
                "count": None,
            }
            await asyncio.sleep(0.02)
    await until_shown(kitchen, restaurant, 7, 3)


async def test_redis_outage_degrades_menus_then_rejects_them(kitchen: Kitchen, stack: Stack) -> None:
    """Redis down: reads answer marked degraded for a bounded time, then 503 with Retry-After."""
    restaurant = await kitchen.open(coxinha=10)
    await until_shown(kitchen, restaurant, 10, 10)
    await asyncio.gather(*(menu(kitchen, restaurant) for _ in range(40)))  # each ingress process has seen it
    with stack.paused("redis"):
        await asyncio.sleep(1.5)
        began = time.monotonic()
        reads = await asyncio.gather(*(page(kitchen, restaurant) for _ in range(40)))
        assert time.monotonic() < began + 1
        assert all(read["degraded"] for read in reads)
        assert all(read["items"][0]["availability"]["count"] is None for read in reads)
        orders = [kitchen.order(restaurant, f"k{n}", ("coxinha", 1)) for n in range(4)]
        assert {answer.status for answer in await asyncio.gather(*orders)} == {201}
        await asyncio.sleep(STALE_READS_SECONDS)
        refused = await menu(kitchen, restaurant)
        assert refused.status == 503 and int(refused.headers["Retry-After"]) > 0
        assert (await kitchen.order(restaurant, "late", ("coxinha", 1))).status == 201
    await until_shown(kitchen, restaurant, 5, 5)


async def test_emptied_redis_makes_no_menu_unknown(kitchen: Kitchen, stack: Stack) -> None:
    """Its views are projected again from the first fact; until they are complete nobody is told 404 or a count."""
    restaurant = await kitchen.open(coxinha=10)
    await until_shown(kitchen, restaurant, 10, 10)
    await asyncio.gather(*(menu(kitchen, restaurant) for _ in range(40)))
    old = await asyncio.to_thread(stack.kill, "redis")
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        read = await page(kitchen, restaurant)
        assert read["items"] and read["items"][0]["availability"]["count"] in (None, 10)
        await asyncio.sleep(0.01)
    await asyncio.to_thread(stack.wait_for_new, "redis", old)
    await until_shown(kitchen, restaurant, 10, 10)
    assert (await menu(kitchen, "nobody")).status == 404
