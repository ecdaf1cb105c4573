"""Orders at a steady rate on a stack of its own, after a warm-up: the load of several benchmarks."""

import argparse
import asyncio
import random
from collections.abc import Awaitable, Callable

import aiohttp

from tests.bench.open_loop import Samples, load
from tests.e2e.customers import Kitchen
from tests.e2e.stack import Stack
from tests.support.programs import temporary_stack

RESTAURANTS = 20
WARMUP_SECONDS = 5


class OrderLoad:
    """Sends orders to random restaurants."""

    def __init__(self, kitchen: Kitchen, restaurants: list[str]) -> None:
        self.kitchen = kitchen
        self.restaurants = restaurants

    async def run(self, rate: float, seconds: float, prefix: str = "k") -> Samples:
        """Send `rate` orders a second; `prefix` makes their keys unique."""

        async def order(number: int) -> int:
            restaurant = random.choice(self.restaurants)
            return (await self.kitchen.order(restaurant, f"{prefix}{number}", ("coxinha", 1))).status

        return await load(rate, seconds, order)


Measure = Callable[[Stack, OrderLoad, float, float], Awaitable[None]]


def run_benchmark(module: str, description: str | None, rate: float, measure: Measure) -> None:
    """Read rate and seconds from the command line, warm up a stack, and call `measure` with them."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("--rate", type=float, default=rate, help="orders a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    with temporary_stack() as stack:
        asyncio.run(_warm_up_and_measure(stack, options.rate, options.seconds, measure))


async def _warm_up_and_measure(stack: Stack, rate: float, seconds: float, measure: Measure) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(30)) as session:
        kitchen = Kitchen(session, stack.url)
        orders = OrderLoad(kitchen, [await kitchen.open(coxinha=None) for _ in range(RESTAURANTS)])
        await orders.run(rate, WARMUP_SECONDS, "warm")
        await measure(stack, orders, rate, seconds)
