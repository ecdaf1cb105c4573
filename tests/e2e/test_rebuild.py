"""`egress rebuild` makes a new generation of views and switches readers to it, while the stack runs."""

import asyncio
import json
import subprocess
import sys
import time
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from schemas import view_keys
from tests.e2e.customers import Kitchen
from tests.e2e.stack import Stack

#: Positions and counters, which are no views.
BOOKKEEPING = {
    view_keys.POSITIONS,
    view_keys.WATERMARKS,
    view_keys.REVISION,
    view_keys.CHANGES,
    view_keys.SEQUENCES,
    view_keys.WRITER_RUN,
}
FEEDS = view_keys.feed("")

Dump = dict[str, tuple[Any, int]]


async def dump(stack: Stack) -> tuple[str, Dump]:
    """Return the current generation and all its views: fields with versions and bytes, and when they expire."""
    async with Redis(port=stack.redis_port) as redis:
        generation = (await redis.get(view_keys.CURRENT)).decode()
        prefix = view_keys.inside(generation, "")
        names = [key.decode().removeprefix(prefix) async for key in redis.scan_iter(f"{prefix}*", count=1000)]
        found = {
            name: (await read(redis, prefix + name), expiry(name, await redis.expiretime(prefix + name)))
            for name in names
            if name not in BOOKKEEPING and not name.startswith(FEEDS)
        }
        others = [key async for key in redis.scan_iter("views-*") if not key.startswith(prefix.encode())]
        assert not others, "only one generation is kept"
        return generation, found


def expiry(name: str, at: int) -> int:
    """Return when a view expires; 0 for a refused order, which a rebuild keeps for some minutes again."""
    is_soon = at - time.time() <= view_keys.REFUSED_ORDER_TTL_SECONDS
    return 0 if name.startswith(view_keys.order("")) and is_soon else at


async def settled_dump(stack: Stack) -> tuple[str, Dump]:
    """Return a dump once nothing more is written: a menu may be current before an order's history is."""
    last = await dump(stack)
    async with asyncio.timeout(20):
        while True:
            await asyncio.sleep(0.3)
            if (dumped := await dump(stack)) == last:
                return dumped
            last = dumped


async def read(redis: Redis, key: str) -> Any:
    """Return a view: the fields of a hash, the orders of a board."""
    if await redis.type(key) == b"hash":
        return await redis.hgetall(key)
    return await redis.zrange(key, 0, -1, withscores=True)


async def rebuild(stack: Stack) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "egress", "rebuild"],
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


async def shown(kitchen: Kitchen, restaurant: str) -> dict[str, Any]:
    answer = await kitchen.call("GET", f"/v1/restaurants/{restaurant}/menu")
    assert answer.status == 200, answer.body
    return dict(json.loads(answer.body))


async def shown_count(kitchen: Kitchen, restaurant: str, count: int) -> None:
    async with asyncio.timeout(20):
        while True:
            answer = await kitchen.call("GET", f"/v1/restaurants/{restaurant}/menu")
            items = json.loads(answer.body).get("items", [])
            if [item["availability"]["count"] for item in items[:1]] == [count]:
                return
            await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_rebuilt_views_equal_grown_views(kitchen: Kitchen, stack: Stack) -> None:
    """Bit by bit; also views that have grown since a rebuild."""
    restaurant = await kitchen.open(coxinha=20, pastel=None)
    promotion = {
        "starts_at": "2026-01-01T00:00:00Z",
        "ends_at": "2099-01-01T00:00:00Z",
        "items": [{"sku": "coxinha", "promo_price": {"amount": 500, "currency": "BRL"}, "portions": 12}],
    }
    assert (await kitchen.put(f"/v1/restaurants/{restaurant}/promotions/p1", promotion)).status == 201
    for round_ in range(2):
        orders = [kitchen.order_until_decided(restaurant, f"k{round_}-{n}", ("coxinha", 1)) for n in range(8)]
        await asyncio.gather(*orders)
        await shown_count(kitchen, restaurant, max(0, 12 - 8 * (round_ + 1)))
        before, grown = await settled_dump(stack)
        assert any(expires > 0 for _, expires in grown.values()) and len(grown) > 8
        assert grown[view_keys.board(restaurant)][0], "the board has the orders"
        await rebuild(stack)
        after, rebuilt = await dump(stack)
        assert before != after and rebuilt == grown


@pytest.mark.slow
async def test_rebuild_disturbs_no_reader(kitchen: Kitchen, stack: Stack) -> None:
    """While orders arrive, counts only fall, no answer fails or is degraded, and the last one is right."""
    restaurant = await kitchen.open(coxinha=10_000)
    await shown_count(kitchen, restaurant, 10_000)
    sold, going = 0, True

    async def customer(number: int) -> None:
        nonlocal sold
        while going:
            answer = await kitchen.order_until_decided(restaurant, f"c{number}-{sold}", ("coxinha", 1))
            sold += answer.status == 201 and not answer.replayed
            await asyncio.sleep(0.05)

    async def reader() -> int:
        last, read = 10_000, 0
        connector = aiohttp.TCPConnector(limit=1)  # one connection: one ingress process
        async with aiohttp.ClientSession(connector=connector) as session:
            while going:
                page = await shown(Kitchen(session, stack.url), restaurant)
                assert not page["degraded"]
                count = page["items"][0]["availability"]["count"]
                assert count <= last
                last, read = count, read + 1
                await asyncio.sleep(0.01)
        return read

    work = asyncio.gather(reader(), *(customer(n) for n in range(4)))
    await asyncio.sleep(0.5)
    await rebuild(stack)
    going = False
    read, *_ = await work
    assert read > 100 and sold > 10
    await shown_count(kitchen, restaurant, 10_000 - sold)
    before, grown = await settled_dump(stack)
    await rebuild(stack)
    after, rebuilt = await dump(stack)
    assert before != after and rebuilt == grown
