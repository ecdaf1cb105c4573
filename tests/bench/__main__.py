"""`make bench`: the confirmation latency at a steady rate, in total and by stage."""

import argparse
import asyncio
import random

import aiohttp

from tests.bench import stages
from tests.bench.open_loop import load
from tests.e2e.customers import Kitchen
from tests.e2e.stack import Stack
from tests.support.programs import temporary_stack

RESTAURANTS = 20


async def run(stack: Stack, rate: float, seconds: float) -> None:
    """Warm up, measure, print latencies and stages."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(30)) as session:
        kitchen = Kitchen(session, stack.url)
        restaurants = [await kitchen.open(coxinha=None) for _ in range(RESTAURANTS)]

        async def order(prefix: str, number: int) -> int:
            return (
                await kitchen.order(random.choice(restaurants), f"{prefix}{number}", ("coxinha", 1))
            ).status

        await load(rate, 5, lambda n: order("warm", n))
        metrics = f"{stack.url}/metrics"
        before = stages.scrape(metrics)
        samples = await load(rate, seconds, lambda n: order("k", n))
        print(f"{rate:g} orders/s for {seconds:g} s: {dict(samples.statuses)}")
        print(
            "p50 {:.0f} ms, p95 {:.0f} ms, p99 {:.0f} ms\n".format(*map(samples.quantile, (0.5, 0.95, 0.99)))
        )
        print(stages.table(before, stages.scrape(metrics)))


def main() -> None:
    """Measure on a stack of its own."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    arguments.add_argument("--rate", type=float, default=50.0, help="orders a second")
    arguments.add_argument("--seconds", type=float, default=30.0)
    options = arguments.parse_args()
    with temporary_stack() as stack:
        asyncio.run(run(stack, options.rate, options.seconds))


if __name__ == "__main__":
    main()
