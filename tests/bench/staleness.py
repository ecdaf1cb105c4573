"""`make bench-staleness`: the age of menus under a steady rate of orders."""

import asyncio
import contextlib
import json
import time
from datetime import datetime

from tests.bench.open_loop import Samples
from tests.bench.order_load import OrderLoad, run_benchmark
from tests.e2e.customers import Kitchen
from tests.e2e.stack import Stack

READ_INTERVAL_SECONDS = 0.02


async def measure(stack: Stack, orders: OrderLoad, rate: float, seconds: float) -> None:
    """Read menus while orders arrive, print the ages."""
    reading = asyncio.create_task(read_menus(orders.kitchen, orders.restaurants, ages := Samples()))
    samples = await orders.run(rate, seconds)
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading
    print(f"{rate:g} orders/s for {seconds:g} s: {dict(samples.statuses)}; {len(ages.latencies)} menus")
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


if __name__ == "__main__":
    run_benchmark("tests.bench.staleness", __doc__, 100.0, measure)
