"""`python -m tests.bench.growth`: whether an order costs as much with a million orders in state as with ten thousand.

One restaurant, so that all of its orders are in one partition, on a real broker and worker; no ingress. At each
size a backlog of the same length is decided and measured, then the worker is killed and started again, with its
store and without it.
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
from tests.bench.one_restaurant import Shop, scrape
from tests.support.exactly_once.worker import Worker
from tests.support.stack import start_kafka

#: Orders that are measured at each size.
MEASURED = 10_000
#: Orders that may be undecided while the state grows: the worker always has some, and none waits for long.
AHEAD = 4_000
#: Longest that a worker may take to start, in seconds: a million orders are replayed meanwhile.
START_SECONDS = 600.0
MIB = 2**20


class Size(Struct):
    """What was measured with so many orders in state."""

    orders: int
    decided: float  # orders a second
    core_ms: float  # of the worker, per order
    memory: float  # resident, MiB
    store: float  # MiB
    kept: float  # seconds from the start of a worker that finds its store, until it decides
    rebuilt: float  # and of one that finds none


async def fill(shop: Shop, orders: int) -> None:
    """Have so many orders decided."""
    for number in range(orders):
        while shop.undecided() >= AHEAD:
            await asyncio.sleep(0.01)
        await shop.ask(number, time.perf_counter())
    await shop.flush()
    samples = await shop.answered()
    if samples.statuses[200] != orders:
        raise RuntimeError(f"not all of {orders} orders were confirmed: {samples.statuses}")


async def measure(shop: Shop, worker: Worker, orders: int) -> tuple[float, float]:
    """Return orders decided a second, and core-milliseconds of the worker for each."""
    before, began = scrape([worker]), time.perf_counter()
    await fill(shop, orders)
    seconds = time.perf_counter() - began
    return orders / seconds, 1000 * (scrape([worker])["cpu"] - before["cpu"]) / orders


def start(bootstrap: str, folder: Path) -> tuple[Worker, float]:
    """Return a worker that decides, and the seconds that it took to."""
    began = time.perf_counter()
    worker = Worker(bootstrap, folder, "streams-1", partitions=1)
    try:
        worker.wait_until(lambda: "promo_ready 1.0" in worker.metrics(), "is not ready", START_SECONDS)
    except BaseException:
        worker.kill()
        raise
    return worker, time.perf_counter() - began


def resident(pid: int) -> float:
    """Return a process's resident memory in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


async def run(sizes: list[int], folder: Path) -> list[Size]:
    """Measure on a broker of its own."""
    state = folder / "state"
    kafka = start_kafka(folder / "kafka")
    found: list[Size] = []
    worker = None
    try:
        await topics.create(
            settings.read({"PROMO_PARTITIONS": "1", "PROMO_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap})
        )
        worker, _ = start(kafka.bootstrap, folder)
        async with Shop(kafka.bootstrap) as shop:
            await shop.put()
            done = 0
            for size in sizes:
                await fill(shop, size - done - MEASURED)
                decided, core_ms = await measure(shop, worker, MEASURED)
                done = size
                memory = resident(worker.process.pid)
                store = sum(file.stat().st_size for file in state.rglob("*") if file.is_file()) / MIB
                worker.kill()
                worker, kept = await asyncio.to_thread(start, kafka.bootstrap, folder)
                worker.kill()
                shutil.rmtree(state)
                worker, rebuilt = await asyncio.to_thread(start, kafka.bootstrap, folder)
                found.append(Size(size, decided, core_ms, memory, store, kept, rebuilt))
                print(table(found).splitlines()[-1], flush=True)
    finally:
        if worker is not None:
            worker.kill()
        kafka.stop()
    return found


def table(found: list[Size]) -> str:
    """Return a row for each size."""
    lines = [
        "| orders in state | decided/s | core-ms of the worker per order | memory, MiB | store, MiB | store, bytes per order | start with the store, s | without, s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        lines.append(
            f"| {one.orders:,} | {one.decided:,.0f} | {one.core_ms:.2f} | {one.memory:.0f} | {one.store:.0f} "
            f"| {one.store * MIB / one.orders:,.0f} | {one.kept:.1f} | {one.rebuilt:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, print."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.growth", description=__doc__)
    arguments.add_argument(
        "--sizes", type=lambda text: list(map(int, text.split(","))), default=[10_000, 100_000, 1_000_000]
    )
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(run(options.sizes, Path(folder)))
    print("\n" + table(found))


if __name__ == "__main__":
    main()
