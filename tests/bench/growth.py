"""`python -m tests.bench.growth`: the cost of an order with ten thousand, a hundred thousand and a million orders in state.

One restaurant on a real broker and worker, so that all orders are in one partition; no ingress. At each size the
worker decides a backlog of the same length. Then it is killed and started again, with its store and without it.
"""

import argparse
import asyncio
import shutil
import tempfile
import time
from pathlib import Path

from msgspec import Struct

from compose.kafka import topics
from schemas import settings
from tests.bench.one_restaurant import RestaurantClient, scrape
from tests.support import report
from tests.support.exactly_once.worker import Worker
from tests.support.process_usage import resident_bytes
from tests.support.stack import start_kafka

#: Orders that are measured at each size.
MEASURED = 10_000
#: Orders in flight while the state grows: enough to keep the worker busy.
MAX_IN_FLIGHT = 4_000
#: A worker may have to replay a million orders.
START_TIMEOUT_SECONDS = 600.0
MIB = 2**20


class SizeResult(Struct):
    """The measurement with this many orders in state."""

    orders: int
    decided: float  # orders a second
    core_ms: float  # of the worker, per order
    memory: float  # resident, MiB
    store: float  # MiB
    start_with_store: float  # seconds until the worker decides
    start_without_store: float  # the same, after a replay of the changelog


async def fill(client: RestaurantClient, orders: int) -> None:
    """Send this many orders, and wait for their replies. Raises RuntimeError unless all are confirmed."""
    for number in range(orders):
        while client.in_flight() >= MAX_IN_FLIGHT:
            await asyncio.sleep(0.01)
        await client.order(number, time.perf_counter())
    await client.flush()
    samples = await client.collect_samples()
    if samples.statuses[200] != orders:
        raise RuntimeError(f"not all of {orders} orders were confirmed: {samples.statuses}")


async def measure(client: RestaurantClient, worker: Worker, orders: int) -> tuple[float, float]:
    """Return the orders decided a second, and the core-milliseconds of the worker per order."""
    before, began = scrape([worker]), time.perf_counter()
    await fill(client, orders)
    seconds = time.perf_counter() - began
    return orders / seconds, 1000 * (scrape([worker])["cpu"] - before["cpu"]) / orders


def start(bootstrap: str, folder: Path) -> tuple[Worker, float]:
    """Return a worker that is ready, and the seconds of its start."""
    began = time.perf_counter()
    worker = Worker(bootstrap, folder, "streams-1", partitions=1)
    try:
        worker.wait_until(
            lambda: "promo_ready 1.0" in worker.metrics(), "is not ready", START_TIMEOUT_SECONDS
        )
    except BaseException:
        worker.kill()
        raise
    return worker, time.perf_counter() - began


async def run(sizes: list[int], folder: Path) -> list[SizeResult]:
    """Measure on a broker of its own."""
    state = folder / "state"
    kafka = start_kafka(folder / "kafka")
    found: list[SizeResult] = []
    worker = None
    try:
        await topics.create(
            settings.read({"PROMO_PARTITIONS": "1", "PROMO_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap})
        )
        worker, _ = start(kafka.bootstrap, folder)
        async with RestaurantClient(kafka.bootstrap) as client:
            await client.create_restaurant()
            done = 0
            for size in sizes:
                await fill(client, size - done - MEASURED)
                decided, core_ms = await measure(client, worker, MEASURED)
                done = size
                memory = resident_bytes(worker.process.pid) / MIB
                store = sum(file.stat().st_size for file in state.rglob("*") if file.is_file()) / MIB
                worker.kill()
                worker, with_store = await asyncio.to_thread(start, kafka.bootstrap, folder)
                worker.kill()
                shutil.rmtree(state)
                worker, without_store = await asyncio.to_thread(start, kafka.bootstrap, folder)
                found.append(SizeResult(size, decided, core_ms, memory, store, with_store, without_store))
                print(report.table_row(cells(found[-1])), flush=True)
    finally:
        if worker is not None:
            worker.kill()
        kafka.stop()
    return found


COLUMNS = (
    "orders in state",
    "decided/s",
    "core-ms of the worker per order",
    "memory, MiB",
    "store, MiB",
    "store, bytes per order",
    "start with the store, s",
    "without, s",
)


def cells(one: SizeResult) -> tuple[str, ...]:
    """Return the cells of a row."""
    return (
        f"{one.orders:,}",
        f"{one.decided:,.0f}",
        f"{one.core_ms:.2f}",
        f"{one.memory:.0f}",
        f"{one.store:.0f}",
        f"{one.store * MIB / one.orders:,.0f}",
        f"{one.start_with_store:.1f}",
        f"{one.start_without_store:.1f}",
    )


def main() -> None:
    """Measure, print the table."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.growth", description=__doc__)
    arguments.add_argument(
        "--sizes", type=lambda text: list(map(int, text.split(","))), default=[10_000, 100_000, 1_000_000]
    )
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(run(options.sizes, Path(folder)))
    print("\n" + report.table(COLUMNS, map(cells, found)))


if __name__ == "__main__":
    main()
