"""`make bench-staleness`: the age of menus under a steady rate of orders."""

import argparse
import asyncio
import contextlib
import json
import random
import time
from datetime import datetime

import aiohttp

from tests.bench.open_loop import Samples, load
from tests.e2e.customers import Kitchen
from tests.e2e.stack import Stack
from tests.support.programs import temporary_stack

RESTAURANTS = 20
READ_INTERVAL_SECONDS = 0.02


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
        reading = asyncio.create_task(read_menus(kitchen, restaurants, ages := Samples()))
        orders = await load(rate, seconds, lambda n: order("k", n))
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
    print(f"{rate:g} orders/s for {seconds:g} s: {dict(orders.statuses)}; {len(ages.latencies)} menus")
    print("age p50 {:.0f} ms, p95 {:.0f} ms, p99 {:.0f} ms".format(*map(ages.quantile, (0.5, 0.95, 0.99))))
    print(f"degraded: {ages.statuses[True]} of {ages.statuses.total()}")


async def read_menus(kitchen: Kitchen, restaurants: list[str], ages: Samples) -> None:
    """Read one menu after another until cancelled; an age is the time from `as_of` to the end of the response."""
    while True:
        for restaurant in restaurants:
            menu = json.loads((await kitchen.call("GET", f"/v1/restaurants/{restaurant}/menu")).body)
            ages.latencies.append(time.time() - datetime.fromisoformat(menu["as_of"]).timestamp())
            ages.statuses[menu["degraded"]] += 1
            await asyncio.sleep(READ_INTERVAL_SECONDS)


def main() -> None:
    """Measure on a stack of its own."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.staleness", description=__doc__)
    arguments.add_argument("--rate", type=float, default=100.0, help="orders a second")
    arguments.add_argument("--seconds", type=float, default=30.0)
    options = arguments.parse_args()
    with temporary_stack() as stack:
        asyncio.run(run(stack, options.rate, options.seconds))


if __name__ == "__main__":
    main()
