"""`make bench-live`: what idle followers cost one ingress process, and how long a change takes to reach them.

Followers of orders, and a board for each restaurant, stay connected while restaurants move their orders
on at a steady rate. A latency counts from the moment when the move was due to the moment when the
event was read, at each client; clients share the machine's cores with the stack.
"""

import argparse
import asyncio
import json
import re
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tests.bench.open_loop import Samples, load
from tests.e2e.customers import Kitchen
from tests.e2e.stack import Stack

STATUSES = ("preparing", "out_for_delivery")


class Clock:
    """When each status of each order was due, and how long it took to each client."""

    def __init__(self) -> None:
        self.due: dict[tuple[str, str], float] = {}
        self.events, self.rows = Samples(), Samples()
        self.counts: defaultdict[str, int] = defaultdict(int)

    def hear(self, kind: str, order_id: str, status: str) -> None:
        """Take what a client has just read."""
        due = self.due.get((order_id, status))
        if due is not None:
            samples = self.events if kind == "event" else self.rows
            samples.latencies.append(time.perf_counter() - due)
            self.counts[kind] += 1


async def follow(url: str, order: dict[str, Any], clock: Clock, ready: asyncio.Semaphore) -> None:
    """Read an order's events for ever, as cheaply as can be."""
    at = urlsplit(url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(
        f"GET {order['events_url']} HTTP/1.1\r\nHost: {at.netloc}\r\n"
        f"Authorization: Bearer {order['token']}\r\n\r\n".encode()
    )
    ready.release()
    while line := await reader.readline():
        if line.startswith(b"data: "):
            clock.hear("event", order["order_id"], json.loads(line[6:])["status"])


async def watch(
    session: aiohttp.ClientSession,
    url: str,
    restaurant: str,
    token: str,
    clock: Clock,
    ready: asyncio.Semaphore,
) -> None:
    """Read a board's feed for ever."""
    address = f"{url}/v1/restaurants/{restaurant}/feed"
    async with session.ws_connect(address, protocols=("promo.feed.v1", f"bearer.{token}")) as socket:
        async for message in socket:
            told = json.loads(message.data)
            if told["type"] == "snapshot":
                ready.release()
            elif "order" in told:
                clock.hear("row", told["order"]["order_id"], told["order"]["status"])


async def run(stack: Stack, streams: int, boards: int, rate: float, seconds: float) -> None:
    """Connect, measure memory, move orders on, print."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(None)) as session:
        kitchen = Kitchen(session, stack.url)
        restaurants = [await kitchen.open(coxinha=None) for _ in range(boards)]
        orders = []
        for number in range(int(rate * seconds) // len(STATUSES)):
            answer = await kitchen.order(
                restaurants[number % boards], f"k{number}", ("coxinha", 1), method="cash"
            )
            orders.append(json.loads(answer.body))
        await asyncio.sleep(2)
        clock, tasks = Clock(), []
        bare = memory(stack)
        for kind, most in (("streams", streams), ("boards", boards)):
            ready = asyncio.Semaphore(0)
            before = memory(stack)
            for number in range(most):
                if kind == "streams":
                    task = follow(stack.url, orders[number % len(orders)], clock, ready)
                else:
                    token = kitchen.token(restaurants[number])
                    task = watch(session, stack.url, restaurants[number], token, clock, ready)
                tasks.append(asyncio.ensure_future(task))
                await ready.acquire()
            await asyncio.sleep(3)
            print(f"{most} {kind}: {(memory(stack) - before) / most / 1024:.0f} KiB each")
        print(f"memory of ingress: {bare / 2**20:.0f} MiB, with all {memory(stack) / 2**20:.0f} MiB")
        idle = cpu(stack)
        await asyncio.sleep(5)
        print(f"idle: {(cpu(stack) - idle) / 5:.1%} of a core")

        async def move(number: int) -> int:
            order = orders[number % len(orders)]  # all begin, then all leave
            status = STATUSES[min(number // len(orders), len(STATUSES) - 1)]
            clock.due[(order["order_id"], status)] = time.perf_counter()
            return (await kitchen.advance(order, status)).status

        moved = await load(rate, seconds, move)
        await asyncio.sleep(2)
        print(f"{rate:g} moves/s for {seconds:g} s: {dict(moved.statuses)}")
        for name, samples in (("events", clock.events), ("rows", clock.rows)):
            latencies = "p50 {:.0f} ms, p95 {:.0f} ms".format(*map(samples.quantile, (0.5, 0.95)))
            print(f"{len(samples.latencies)} {name} pushed: {latencies}, of which the move itself is a part")
        print("the move itself: p50 {:.0f} ms, p95 {:.0f} ms".format(*map(moved.quantile, (0.5, 0.95))))
        for task in tasks:
            task.cancel()


def memory(stack: Stack) -> int:
    """Return the resident bytes of ingress."""
    status = Path(f"/proc/{pid(stack)}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    assert found is not None
    return int(found[1]) * 1024


def cpu(stack: Stack) -> float:
    """Return the seconds of a core that ingress has taken."""
    fields = Path(f"/proc/{pid(stack)}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def pid(stack: Stack) -> int:
    """Return the process that is measured."""
    return int(str(stack.processes("ingress")[0]["pid"]))


def main() -> None:
    """Measure on a stack of its own."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--streams", type=int, default=2000, help="followers of orders")
    arguments.add_argument("--boards", type=int, default=200, help="restaurants, each with a board")
    arguments.add_argument("--rate", type=float, default=20.0, help="moves of orders a second")
    arguments.add_argument("--seconds", type=float, default=20.0)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), max_streams_per_order=1000)
        try:
            asyncio.run(run(stack, options.streams, options.boards, options.rate, options.seconds))
        finally:
            stack.compose("down")


if __name__ == "__main__":
    main()
