"""`python -m tests.bench.timers`: how late preparation deadlines fire: orders that are not prepared, each cancelled and refunded."""

import argparse
import asyncio
from collections import Counter
from datetime import datetime

import aiohttp

from tests.bench.open_loop import load
from tests.e2e.customers import Kitchen
from tests.e2e.stack import Stack
from tests.support import facts
from tests.support.programs import temporary_stack
from tests.support.statistics import quantile

TIMEOUT_SECONDS = 3
RATE = 50.0
PORTIONS = 100_000


async def run(stack: Stack, orders: int) -> bool:
    """Order, wait, read the facts; return True if each order was cancelled, refunded and released once."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        kitchen = Kitchen(session, stack.url)
        restaurants = [await kitchen.open(coxinha=PORTIONS) for _ in range(10)]
        for restaurant in restaurants:
            body = {"name": "Cantina", "preparation_timeout_seconds": TIMEOUT_SECONDS}
            await kitchen.put(f"/v1/restaurants/{restaurant}", body)

        async def order(number: int) -> int:
            return (await kitchen.order(restaurants[number % 10], f"k{number}", ("coxinha", 1))).status

        samples = await load(RATE, orders / RATE, order)
        await asyncio.sleep(TIMEOUT_SECONDS + 5)
        confirmed = {
            r.value["order_id"]: r.value for r in await facts.read(stack.bootstrap, ["order.confirmed"])
        }
        cancelled = [
            (r.value["order_id"], r.timestamp) for r in await facts.read(stack.bootstrap, ["order.cancelled"])
        ]
        refunded = Counter(
            r.value["order_id"] for r in await facts.read(stack.bootstrap, ["payment.refunded"])
        )
        released = Counter(r.value["order_id"] for r in await facts.read(stack.bootstrap, ["stock.released"]))
        late = [at - _due(confirmed[order_id]) for order_id, at in cancelled]
        once = all(
            Counter(order_id for order_id, _ in cancelled)[o] == refunded[o] == released[o] == 1
            for o in confirmed
        )
        print(f"{dict(samples.statuses)}; {len(confirmed)} confirmed, {len(cancelled)} cancelled")
        print(f"each cancelled, refunded and released once: {once}")
        for q in (0.5, 0.95, 0.99):
            print(f"p{round(100 * q)}: {quantile(late, q):.2f} s after it was due")
        return once and len(cancelled) == len(confirmed)


def _due(confirmed: dict[str, str]) -> float:
    return datetime.fromisoformat(confirmed["occurred_at"]).timestamp() + TIMEOUT_SECONDS


def main() -> int:
    """Measure on a stack of its own."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.timers", description=__doc__)
    arguments.add_argument("--orders", type=int, default=500)
    options = arguments.parse_args()
    with temporary_stack() as stack:
        return 0 if asyncio.run(run(stack, options.orders)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
