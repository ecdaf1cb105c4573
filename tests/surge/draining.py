"""python -m tests.surge.draining: a backlog of orders, one worker, and another one that joins in the middle.

Says how fast the lag falls before and after, and for how long nothing is decided because of the join.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.console import Console

from compose.supervisor import control
from compose.supervisor.stack_state import StackDir
from tests.chaos.__main__ import started
from tests.e2e.customers import order_body
from tests.e2e.stack import Stack
from tests.surge import charts, shop
from tests.surge.__main__ import FOLDER
from tests.surge.charts import Marks
from tests.surge.report import DRAINING
from tests.surge.throttle import hold
from tests.surge.wire import Pool

FACTS = "order.confirmed"
#: Orders asked for at once while the backlog is made.
AT_ONCE = 64
LOOK_SECONDS = 0.25
LIMIT_SECONDS = 240.0
#: Share of the backlog that is left when the other worker is asked for.
JOIN_AT = 0.65
#: Share of the backlog that is left when the measuring ends: from then on some partitions have none of it.
TAIL = 0.15


async def write(stack: Stack, orders: int) -> None:
    """Ask for so many orders that nobody waits for; raises RuntimeError where one is not accepted."""
    host, _, port = stack.url.removeprefix("http://").partition(":")
    pool, numbers = Pool(host, int(port), AT_ONCE), iter(range(orders))

    async def ask() -> None:
        for number in numbers:
            restaurant = shop.RESTAURANTS[number % shop.COUNT]
            body = msgspec.json.encode(order_body(restaurant, ("prato-1", 1), method="cash"))
            head = (
                f"POST /v1/orders HTTP/1.1\r\nHost: promo\r\nIdempotency-Key: backlog-{number}\r\n"
                f"Prefer: respond-async\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            status, _, said = await pool.ask(head.encode() + body)
            if status != 202:
                raise RuntimeError(f"order {number}: {status} {said[:200]!r}")

    await asyncio.gather(*(ask() for _ in range(AT_ONCE)))


async def watch(stack: Stack, orders: int, home: StackDir) -> tuple[list[tuple[float, int]], float, float]:
    """Return how many orders were decided at which second, when the other worker was asked for, and when it was there."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.bootstrap, isolation_level="read_committed")
    await consumer.start()
    began_at = time.monotonic()
    looks: list[tuple[float, int]] = []
    asked = ready = 0.0
    joining: asyncio.Task[control.ControlReply] | None = None
    try:
        await consumer._client._wait_on_metadata(FACTS)
        tps = [TopicPartition(FACTS, p) for p in consumer.partitions_for_topic(FACTS) or ()]
        while not looks or looks[-1][1] < orders:
            decided = sum((await consumer.end_offsets(tps)).values())
            now = time.monotonic() - began_at
            looks.append((now, decided))
            if joining is None and decided > (1 - JOIN_AT) * orders:
                asked = now
                joining = asyncio.create_task(asyncio.to_thread(control.request_scale, home, {"streams": 2}))
            if joining is not None and joining.done() and not ready:
                ready = now
            if now > LIMIT_SECONDS:
                raise TimeoutError(f"{decided} of {orders} decided in {now:.0f} s")
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        await consumer.stop()
    return looks, asked, ready


async def measure(stack: Stack, orders: int, egress: int, share: float, console: Console) -> None:
    """Make the backlog, drain it, print."""
    home = StackDir(stack.data_dir)
    async with aiohttp.ClientSession() as session:
        await shop.open_all(session, stack.url, 1)
    await asyncio.to_thread(control.request_scale, home, {"streams": 0, "egress": egress})
    await write(stack, orders)
    console.print(f"a backlog of {orders} orders")
    await asyncio.to_thread(control.request_scale, home, {"streams": 1})
    held = asyncio.create_task(hold(home, "streams", share)) if share else None
    looks, asked, ready = await watch(stack, orders, home)
    if held is not None:
        held.cancel()
    before = _rate([look for look in looks if look[1] > 0 and look[0] <= asked])
    after = _rate([look for look in looks if look[0] >= ready and look[1] < (1 - TAIL) * orders])
    still = _longest_pause([look for look in looks if asked <= look[0] <= ready + 2.0])
    console.print(f"one worker: {before:.0f} orders/s; two: {after:.0f} orders/s")
    lag = [(at, float(max(0, orders - decided))) for at, decided in looks]
    marks = Marks([], [(asked, "a worker is asked for"), (ready, "it works")])
    chart = charts.line_chart("Lag, and a worker that joins", "orders", {"lag": lag}, marks=marks)
    (FOLDER / DRAINING).write_text(chart)
    console.print(
        f"the join took {ready - asked:.1f} s, in which nothing was decided for {still:.1f} s at most"
    )


def _rate(looks: Sequence[tuple[float, int]]) -> float:
    """Return events a second between the first look and the last."""
    if len(looks) < 2 or looks[-1][0] == looks[0][0]:
        return 0.0
    return (looks[-1][1] - looks[0][1]) / (looks[-1][0] - looks[0][0])


def _longest_pause(looks: Sequence[tuple[float, int]]) -> float:
    """Return the longest time in which the count did not change, as far as the looks tell."""
    longest, since = 0.0, looks[0]
    for look in looks:
        if look[1] != since[1]:
            since = look
        longest = max(longest, look[0] - since[0])
    return longest


def main() -> int:
    """Measure on a stack of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.surge.draining", description=__doc__)
    parser.add_argument("--orders", type=int, default=40_000)
    parser.add_argument("--egress", type=int, default=1, help="0: on two cores it takes half a one")
    parser.add_argument(
        "--share", type=float, default=0.0, help="of a core, that each worker is held to; 0: what there is"
    )
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the stack is stopped
    FOLDER.mkdir(parents=True, exist_ok=True)
    with started(
        Path(FOLDER) / "stack",
        streams_processes=1,
        ingress_processes=1,
        egress_processes=1,
        broker_quick_start=0,
    ) as stack:
        asyncio.run(measure(stack, arguments.orders, arguments.egress, arguments.share, Console()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
