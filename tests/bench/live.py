"""`make bench-live`: the memory and CPU of idle followers at one ingress process, and the latency of a change to them.

Followers of orders, and a board for each restaurant, stay connected while restaurants advance their orders at a
steady rate. A latency counts from the moment when the change was due to the moment when a client has read the event.
The clients share the cores of the machine with the stack.
"""

import argparse
import asyncio
import json
import time
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tests.bench.open_loop import Samples, load
from tests.e2e.customers import Kitchen
from tests.e2e.stack import Stack
from tests.support.process_usage import cpu_seconds, resident_bytes
from tests.support.programs import temporary_stack

STATUSES = ("preparing", "out_for_delivery")


class PushLatencies:
    """The due time of each status of each order, and the latency at each client."""

    def __init__(self) -> None:
        self.due: dict[tuple[str, str], float] = {}
        self.events, self.rows = Samples(), Samples()

    def record(self, kind: str, order_id: str, status: str) -> None:
        """Record an event or a row of a board that a client has just read."""
        due = self.due.get((order_id, status))
        if due is not None:
            samples = self.events if kind == "event" else self.rows
            samples.latencies.append(time.perf_counter() - due)


async def follow_order(
    url: str, order: dict[str, Any], latencies: PushLatencies, ready: asyncio.Semaphore
) -> None:
    """Read an order's events until cancelled, with little CPU."""
    at = urlsplit(url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(
        f"GET {order['events_url']} HTTP/1.1\r\nHost: {at.netloc}\r\n"
        f"Authorization: Bearer {order['token']}\r\n\r\n".encode()
    )
    ready.release()
    while line := await reader.readline():
        if line.startswith(b"data: "):
            latencies.record("event", order["order_id"], json.loads(line[6:])["status"])


async def watch_board(
    session: aiohttp.ClientSession,
    url: str,
    restaurant: str,
    token: str,
    latencies: PushLatencies,
    ready: asyncio.Semaphore,
) -> None:
    """Read a board's feed until cancelled."""
    address = f"{url}/v1/restaurants/{restaurant}/feed"
    async with session.ws_connect(address, protocols=("promo.feed.v1", f"bearer.{token}")) as socket:
        async for message in socket:
            change = json.loads(message.data)
            if change["type"] == "snapshot":
                ready.release()
            elif "order" in change:
                latencies.record("row", change["order"]["order_id"], change["order"]["status"])


async def run(stack: Stack, streams: int, boards: int, rate: float, seconds: float) -> None:
    """Connect the clients, measure memory, advance orders, print."""
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
        latencies, tasks = PushLatencies(), []
        bare = memory(stack)
        for kind, clients in (("streams", streams), ("boards", boards)):
            ready = asyncio.Semaphore(0)
            before = memory(stack)
            for number in range(clients):
                if kind == "streams":
                    task = follow_order(stack.url, orders[number % len(orders)], latencies, ready)
                else:
                    token = kitchen.token(restaurants[number])
                    task = watch_board(session, stack.url, restaurants[number], token, latencies, ready)
                tasks.append(asyncio.ensure_future(task))
                await ready.acquire()
            await asyncio.sleep(3)
            print(f"{clients} {kind}: {(memory(stack) - before) / clients / 1024:.0f} KiB each")
        print(f"memory of ingress: {bare / 2**20:.0f} MiB, with all {memory(stack) / 2**20:.0f} MiB")
        idle = cpu(stack)
        await asyncio.sleep(5)
        print(f"idle: {(cpu(stack) - idle) / 5:.1%} of a core")

        async def advance(number: int) -> int:
            order = orders[number % len(orders)]  # first all are prepared, then all leave
            status = STATUSES[min(number // len(orders), len(STATUSES) - 1)]
            latencies.due[(order["order_id"], status)] = time.perf_counter()
            return (await kitchen.advance(order, status)).status

        advanced = await load(rate, seconds, advance)
        await asyncio.sleep(2)
        print(f"{rate:g} changes/s for {seconds:g} s: {dict(advanced.statuses)}")
        for name, samples in (("events", latencies.events), ("rows", latencies.rows)):
            quantiles = "p50 {:.0f} ms, p95 {:.0f} ms".format(*map(samples.quantile, (0.5, 0.95)))
            print(f"{len(samples.latencies)} {name} pushed: {quantiles}, the change itself included")
        print("the change itself: p50 {:.0f} ms, p95 {:.0f} ms".format(*map(advanced.quantile, (0.5, 0.95))))
        for task in tasks:
            task.cancel()


def memory(stack: Stack) -> int:
    """Return the resident bytes of ingress."""
    return resident_bytes(ingress_pid(stack))


def cpu(stack: Stack) -> float:
    """Return the CPU seconds that ingress has used."""
    return cpu_seconds(ingress_pid(stack))


def ingress_pid(stack: Stack) -> int:
    """Return the pid of the one ingress process."""
    return int(str(stack.processes("ingress")[0]["pid"]))


def main() -> None:
    """Measure on a stack of its own."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.live", description=__doc__)
    arguments.add_argument("--streams", type=int, default=2000, help="followers of orders")
    arguments.add_argument("--boards", type=int, default=200, help="restaurants, each with a board")
    arguments.add_argument("--rate", type=float, default=20.0, help="changes of orders a second")
    arguments.add_argument("--seconds", type=float, default=20.0)
    options = arguments.parse_args()
    with temporary_stack(max_streams_per_order=1000) as stack:
        asyncio.run(run(stack, options.streams, options.boards, options.rate, options.seconds))


if __name__ == "__main__":
    main()
