"""python -m tests.surge.backlog: a backlog of orders, one worker, and a second worker that joins half-way.

Prints how fast the backlog is decided before and after the join, and for how long the join stops all decisions.
Writes build/surge/backlog.svg.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence

import aiohttp
import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.console import Console

from compose.supervisor import control
from compose.supervisor.stack_state import StackDir
from tests.e2e.customers import order_body
from tests.e2e.stack import Stack
from tests.support import charts
from tests.support.charts import Chart, Marks
from tests.support.programs import exit_on_sigterm, fresh_stack
from tests.surge import restaurants
from tests.surge.__main__ import FOLDER
from tests.surge.customers import encode_request
from tests.surge.http_client import ConnectionPool
from tests.surge.report import BACKLOG_CHART
from tests.surge.throttle import throttle

FACTS = "order.confirmed"
#: Concurrent requests while the backlog is made.
CONCURRENCY = 64
POLL_INTERVAL_SECONDS = 0.25
DRAIN_TIMEOUT_SECONDS = 240.0
#: The second worker is started when this share of the backlog is left.
JOIN_AT_SHARE = 0.65
#: The measurement ends at this share, since some partitions then have no backlog left.
TAIL_SHARE = 0.15

#: Seconds since the start, and orders decided by then.
Progress = tuple[float, int]


async def place_orders(stack: Stack, orders: int) -> None:
    """Place this many orders asynchronously. Raises RuntimeError if one is not accepted."""
    host, _, port = stack.url.removeprefix("http://").partition(":")
    pool, numbers = ConnectionPool(host, int(port), CONCURRENCY), iter(range(orders))

    async def place() -> None:
        for number in numbers:
            restaurant = restaurants.RESTAURANTS[number % restaurants.COUNT]
            body = msgspec.json.encode(order_body(restaurant, ("prato-1", 1), method="cash"))
            request = encode_request(f"backlog-{number}", body, "Prefer: respond-async")
            status, _, response = await pool.request(request)
            if status != 202:
                raise RuntimeError(f"order {number}: {status} {response[:200]!r}")

    await asyncio.gather(*(place() for _ in range(CONCURRENCY)))


async def drain(stack: Stack, orders: int, directory: StackDir) -> tuple[list[Progress], float, float]:
    """Return the progress, when the second worker was requested, and when it was ready.

    Raises TimeoutError if the orders are not decided within DRAIN_TIMEOUT_SECONDS.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.bootstrap, isolation_level="read_committed")
    await consumer.start()
    began_at = time.monotonic()
    progress: list[Progress] = []
    requested_at = ready_at = 0.0
    join: asyncio.Task[control.ControlReply] | None = None
    try:
        await consumer._client._wait_on_metadata(FACTS)
        tps = [TopicPartition(FACTS, p) for p in consumer.partitions_for_topic(FACTS) or ()]
        while not progress or progress[-1][1] < orders:
            decided = sum((await consumer.end_offsets(tps)).values())
            now = time.monotonic() - began_at
            progress.append((now, decided))
            if join is None and decided > (1 - JOIN_AT_SHARE) * orders:
                requested_at = now
                join = asyncio.create_task(
                    asyncio.to_thread(control.request_scale, directory, {"streams": 2})
                )
            if join is not None and join.done() and not ready_at:
                ready_at = now
            if now > DRAIN_TIMEOUT_SECONDS:
                raise TimeoutError(f"{decided} of {orders} decided in {now:.0f} s")
            await asyncio.sleep(POLL_INTERVAL_SECONDS)
    finally:
        await consumer.stop()
    return progress, requested_at, ready_at


async def measure(stack: Stack, orders: int, egress: int, cpu_share: float, console: Console) -> None:
    """Make the backlog, drain it, print the rates, draw the lag."""
    directory = StackDir(stack.data_dir)
    async with aiohttp.ClientSession() as session:
        await restaurants.create_all(session, stack.url, 1)
    await asyncio.to_thread(control.request_scale, directory, {"streams": 0, "egress": egress})
    await place_orders(stack, orders)
    console.print(f"a backlog of {orders} orders")
    await asyncio.to_thread(control.request_scale, directory, {"streams": 1})
    throttling = asyncio.create_task(throttle(directory, "streams", cpu_share)) if cpu_share else None
    progress, requested_at, ready_at = await drain(stack, orders, directory)
    if throttling is not None:
        throttling.cancel()
    before = _rate([p for p in progress if p[1] > 0 and p[0] <= requested_at])
    after = _rate([p for p in progress if p[0] >= ready_at and p[1] < (1 - TAIL_SHARE) * orders])
    pause = _longest_pause([p for p in progress if requested_at <= p[0] <= ready_at + 2.0])
    console.print(f"one worker: {before:.0f} orders/s; two: {after:.0f} orders/s")
    lag = [(at, float(max(0, orders - decided))) for at, decided in progress]
    marks = Marks([], [(requested_at, "second worker requested"), (ready_at, "ready")])
    chart = Chart("Lag while a worker joins", "orders", {"lag": lag}, marks=marks)
    (FOLDER / BACKLOG_CHART).write_text(charts.draw(chart))
    console.print(
        f"the join took {ready_at - requested_at:.1f} s; the longest time without a decision was {pause:.1f} s"
    )


def _rate(progress: Sequence[Progress]) -> float:
    """Return the orders a second from the first to the last."""
    if len(progress) < 2 or progress[-1][0] == progress[0][0]:
        return 0.0
    return (progress[-1][1] - progress[0][1]) / (progress[-1][0] - progress[0][0])


def _longest_pause(progress: Sequence[Progress]) -> float:
    """Return the longest time in seconds in which the count did not change."""
    longest, since = 0.0, progress[0]
    for one in progress:
        if one[1] != since[1]:
            since = one
        longest = max(longest, one[0] - since[0])
    return longest


def main() -> int:
    """Measure on a stack of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.surge.backlog", description=__doc__)
    parser.add_argument("--orders", type=int, default=40_000)
    parser.add_argument(
        "--egress", type=int, default=1, help="processes; 0 leaves the workers half a core more"
    )
    parser.add_argument(
        "--share", type=float, default=0.0, help="CPU limit of each worker, in cores; 0: no limit"
    )
    arguments = parser.parse_args()
    exit_on_sigterm()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with fresh_stack(
        FOLDER / "stack", streams_processes=1, ingress_processes=1, egress_processes=1, broker_quick_start=0
    ) as stack:
        asyncio.run(measure(stack, arguments.orders, arguments.egress, arguments.share, Console()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
