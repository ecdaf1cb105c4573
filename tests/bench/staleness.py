"""`make bench-staleness`: how old menus are while orders come in at a steady rate."""

import argparse
import asyncio
import contextlib
import json
import random
import tempfile
import time
from datetime import datetime
from pathlib import Path

import aiohttp

from tests.bench.open_loop import Samples, load
from tests.e2e.customers import Kitchen
from tests.e2e.stack import Stack

RESTAURANTS = 20
#: Between two looks at a menu, in seconds.
LOOK_SECONDS = 0.02


async def run(stack: Stack, rate: float, seconds: float) -> None:
    """Warm up, measure, print."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(30)) as session:
        kitchen = Kitchen(session, stack.url)
        restaurants = [await kitchen.open(coxinha=None) for _ in range(RESTAURANTS)]

        async def order(prefix: str, number: int) -> int:
            chosen = random.choice(restaurants)
            return (await kitchen.order(chosen, f"{prefix}{number}", ("coxinha", 1))).status

        await load(rate, 5, lambda n: order("warm", n))
        looking = asyncio.create_task(look(kitchen, restaurants, ages := Samples()))
        orders = await load(rate, seconds, lambda n: order("k", n))
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
    print(f"{rate:g} orders/s for {seconds:g} s: {dict(orders.statuses)}; {len(ages.latencies)} menus")
    print("age p50 {:.0f} ms, p95 {:.0f} ms, p99 {:.0f} ms".format(*map(ages.quantile, (0.5, 0.95, 0.99))))
    print(f"degraded: {ages.statuses[True]} of {ages.statuses.total()}")


async def look(kitchen: Kitchen, restaurants: list[str], ages: Samples) -> None:
    """Look at one menu after the other until cancelled; an age is by `as_of`, at the end of the answer."""
    while True:
        for restaurant in restaurants:
            menu = json.loads((await kitchen.call("GET", f"/v1/restaurants/{restaurant}/menu")).body)
            ages.latencies.append(time.time() - datetime.fromisoformat(menu["as_of"]).timestamp())
            ages.statuses[menu["degraded"]] += 1
            await asyncio.sleep(LOOK_SECONDS)


def main() -> None:
    """Measure on a stack of its own."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rate", type=float, default=100.0, help="orders a second")
    arguments.add_argument("--seconds", type=float, default=30.0)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            asyncio.run(run(stack, options.rate, options.seconds))
        finally:
            stack.compose("down")


if __name__ == "__main__":
    main()
