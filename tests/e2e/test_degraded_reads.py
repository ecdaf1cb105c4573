"""Menus while egress or Redis does not work."""

import asyncio
import json
import time
from datetime import UTC, datetime
from typing import Any

from tests.e2e.conftest import STALE_READS_SECONDS
from tests.e2e.customers import Answer, Kitchen
from tests.e2e.stack import Stack

#: A page that is further behind is degraded.
MAX_STALENESS_SECONDS = 3.0


async def menu(kitchen: Kitchen, restaurant: str) -> Answer:
    return await kitchen.call("GET", f"/v1/restaurants/{restaurant}/menu")


async def page(kitchen: Kitchen, restaurant: str) -> dict[str, Any]:
    """Return the page of a menu, and in `requested_at` when it was requested."""
    requested_at = datetime.now(UTC).isoformat()
    answer = await menu(kitchen, restaurant)
    assert answer.status == 200, answer.body
    return {"requested_at": requested_at, **json.loads(answer.body)}


def seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


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
    """A page that is more than 3 s behind is `degraded` and shows no count; after egress resumes the count is right."""
    restaurant = await kitchen.open(coxinha=10)
    await until_shown(kitchen, restaurant, 10, 10)
    with stack.paused("egress"):
        assert (await kitchen.order(restaurant, "k", ("coxinha", 3), method="cash")).status == 201
        async with asyncio.timeout(20):
            while not (read := await page(kitchen, restaurant))["degraded"]:
                # a count is one of at most 3 s ago, which `as_of` says
                assert read["items"][0]["availability"]["count"] in (7, 10)
                assert seconds_between(read["as_of"], read["requested_at"]) <= MAX_STALENESS_SECONDS
                await asyncio.sleep(0.02)
        for _ in range(50):
            read = await page(kitchen, restaurant)
            assert read["degraded"] and read["items"][0]["availability"] == {
                "state": "limited",
                "count": None,
            }
            await asyncio.sleep(0.02)
    await until_shown(kitchen, restaurant, 7, 20)


async def test_redis_outage_degrades_menus_then_rejects_them(kitchen: Kitchen, stack: Stack) -> None:
    """Cached menus are served as degraded for a bounded time, then 503 with Retry-After. Orders go on."""
    restaurant = await kitchen.open(coxinha=10)
    await until_shown(kitchen, restaurant, 10, 10)
    # until each ingress process has cached it
    await asyncio.gather(*(menu(kitchen, restaurant) for _ in range(40)))
    with stack.paused("redis"):
        await asyncio.sleep(1.5)
        async with asyncio.timeout(STALE_READS_SECONDS):  # no read waits for Redis
            reads = await asyncio.gather(*(page(kitchen, restaurant) for _ in range(40)))
        assert all(read["degraded"] for read in reads)
        assert all(read["items"][0]["availability"]["count"] is None for read in reads)
        orders = [kitchen.order(restaurant, f"k{n}", ("coxinha", 1)) for n in range(4)]
        assert {answer.status for answer in await asyncio.gather(*orders)} == {201}
        async with asyncio.timeout(5 * STALE_READS_SECONDS):
            while (rejected := await menu(kitchen, restaurant)).status == 200:
                await asyncio.sleep(0.1)
        assert rejected.status == 503 and int(rejected.headers["Retry-After"]) > 0
        assert (await kitchen.order(restaurant, "late", ("coxinha", 1))).status == 201
    await until_shown(kitchen, restaurant, 5, 20)


async def test_emptied_redis_makes_no_menu_unknown(kitchen: Kitchen, stack: Stack) -> None:
    """Its views are projected again from the first fact; until they are complete, no answer is 404 or has a false count."""
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
    assert (await menu(kitchen, "unknown")).status == 404
