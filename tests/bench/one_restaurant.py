"""`python -m tests.bench.one_restaurant`: how many orders of one restaurant are decided a second.

A real broker and stream workers; no ingress, so that the writer alone is measured. First the workers start on a
backlog. Then orders arrive in an open loop (Poisson) at growing rates. A latency counts from the moment when a
command was due until its reply can be read. `--buckets 1,2,4` measures the backlog with one, two and four buckets;
the buckets request portions from one another over the relay.
"""

import argparse
import asyncio
import random
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from msgspec import Struct
from msgspec.structs import replace

from compose.kafka import topics
from egress.bootstrap import relay
from schemas import buckets, codec, settings
from schemas.codec import ReplyAddress
from schemas.commands import Command, PlaceOrder, PutMenuItem, PutRestaurant
from schemas.money import Money
from schemas.runtime.partitioner import partition
from schemas.runtime.reconnect import run_reconnecting
from schemas.topics import ORDER_COMMANDS, ORDER_REPLIES
from tests.bench.open_loop import Samples
from tests.support import report
from tests.support.domain.harness import place
from tests.support.exactly_once.worker import Worker
from tests.support.process_usage import cpu_seconds
from tests.support.stack import start_kafka

#: The partition of the replies that the bench reads.
REPLIES = TopicPartition(ORDER_REPLIES.name, 15)
#: The search ends at the first rate with a p95 above this.
MAX_P95_MS = 300
#: For the last replies of a step.
REPLY_TIMEOUT_SECONDS = 60.0
N = TypeVar("N", int, float)
PHASES = ("queue", "decide", "produce", "commit", "apply")


class LoadStep(Struct):
    """The result of one rate, or of the backlog."""

    name: str
    rate: float  # offered, orders a second; 0: a backlog
    decided: float  # orders a second
    samples: Samples
    batch: float  # mean commands in a transaction
    phases: dict[str, float]  # mean milliseconds of a transaction's parts
    cores: float  # of the workers
    others: float  # cores of everything else on the machine


class RestaurantClient:
    """A client of one restaurant on a real broker: sends commands, and reads the replies."""

    def __init__(self, bootstrap: str, count: int = 1) -> None:
        self.restaurant = f"r-{uuid.uuid4().hex[:8]}"
        self._count = count
        self._bootstrap = bootstrap
        self._due: dict[bytes, float] = {}
        self._samples = Samples()
        self.first = self.last = 0.0  # times of the first and the last reply

    async def __aenter__(self) -> "RestaurantClient":
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            max_batch_size=256 * 1024,
            partitioner=partition,
        )
        await self._producer.start()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, isolation_level="read_committed", fetch_max_wait_ms=20
        )
        await self._consumer.start()
        self._consumer.assign([REPLIES])
        await self._consumer.seek_to_end()
        await self._consumer.position(REPLIES)
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._reader.cancel()
        await self._producer.stop()
        await self._consumer.stop()

    async def create_restaurant(self, portions: int = 10_000_000) -> None:
        """Create the restaurant and its one item; by default, with more portions than any run sells."""
        await self._send(b"restaurant", PutRestaurant(self.restaurant, "Cantina", 10, 86_400))
        await self._send(b"item", PutMenuItem(self.restaurant, "x", "x", "", "geral", Money(100), portions))

    async def order(self, number: int, due: float) -> None:
        """Send one order with a new key, which was due at this time (of time.perf_counter())."""
        key = uuid.uuid4().hex
        self._due[key.encode()] = due
        command = place(key, ("x", 1), restaurant=self.restaurant, customer=f"c{number}")
        bucket = buckets.bucket(self.restaurant, self.bucket_of(command))
        await self._send(key.encode(), replace(command, restaurant_id=bucket))

    def bucket_of(self, order: PlaceOrder) -> int:
        """Return the number of the bucket that decides an order: that of its key."""
        return buckets.choose(order.idempotency_key_hash, self._count)

    async def _send(self, correlation_id: bytes, command: Command) -> None:
        headers = codec.headers(
            type(command),
            uuid.uuid4().hex,
            codec.NO_TRACE,
            ReplyAddress(REPLIES.partition, correlation_id),
        )
        await self._producer.send(
            ORDER_COMMANDS.name, codec.encode(command), key=command.restaurant_id.encode(), headers=headers
        )

    def in_flight(self) -> int:
        """Return the number of orders without a reply."""
        return len(self._due)

    async def flush(self) -> None:
        """Return when all commands are in the log."""
        await self._producer.flush()

    async def collect_samples(self) -> Samples:
        """Wait for all replies, at most REPLY_TIMEOUT_SECONDS; return the samples since the last call (status 0: no reply)."""
        deadline = time.perf_counter() + REPLY_TIMEOUT_SECONDS
        while self._due and time.perf_counter() < deadline:
            await asyncio.sleep(0.02)
        samples, self._samples = self._samples, Samples()
        samples.statuses[0] += len(self._due)
        self._due.clear()
        return samples

    async def _read(self) -> None:
        while True:
            for batch in (await self._consumer.getmany(timeout_ms=50)).values():
                now = time.perf_counter()
                for record in batch:
                    due = self._due.pop(codec.header(record.headers, "correlation-id") or b"", None)
                    if due is None:
                        continue
                    self.first = self.first or now
                    self.last = now
                    confirmed = b'"confirmed"' in record.value[:60]
                    self._samples.add(200 if confirmed else 400, now - due)


async def backlog(bootstrap: str, folder: Path, orders: int, count: int, workers: int) -> LoadStep:
    """Send orders without workers, start workers, measure from the first reply to the last.

    Before, workers have created the restaurant and sold some portions of each bucket, so that the measured
    restaurant is already busy.
    """
    named = {"escrow_buckets": count, "escrow_open_orders_per_second": 0}
    async with RestaurantClient(bootstrap, count) as client, running_relay(bootstrap, count):
        with running_workers(bootstrap, folder, workers, named):
            await client.create_restaurant()
            for number in range(50 * count):
                await client.order(number, time.perf_counter())
            await client.flush()
            await client.collect_samples()
        client.first = client.last = 0.0
        began = time.perf_counter()
        for number in range(orders):
            await client.order(number, began)
        await client.flush()
        with running_workers(bootstrap, folder, workers, named) as started:
            before = scrape(started)
            samples = await client.collect_samples()
            seconds = client.last - client.first
            decided = len(samples.latencies) / seconds
            name = f"backlog, {count} bucket{'s' * (count > 1)}, {workers} worker{'s' * (workers > 1)}"
            return _step(name, 0, decided, samples, before, scrape(started), seconds)


@contextmanager
def running_workers(
    bootstrap: str, folder: Path, count: int, named: dict[str, int]
) -> Iterator[list[Worker]]:
    """Run stream workers."""
    workers = [Worker(bootstrap, folder, f"streams-{n + 1}", **named) for n in range(count)]
    try:
        for worker in workers:
            worker.ready()
        yield workers
    finally:
        for worker in workers:
            worker.kill()


@asynccontextmanager
async def running_relay(bootstrap: str, count: int) -> AsyncIterator[None]:
    """Run a relay, as egress does."""
    config = settings.read({"PROMO_KAFKA_BOOTSTRAP_SERVERS": bootstrap, "PROMO_ESCROW_BUCKETS": str(count)})
    task = asyncio.create_task(run_reconnecting("bucket relay", partial(relay, config)))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def open_loop(client: RestaurantClient, workers: list[Worker], rate: float, seconds: float) -> LoadStep:
    """Send orders at a rate in an open loop."""
    rng = random.Random(1)
    before = scrape(workers)
    began = due = time.perf_counter()
    number = 0
    while due < began + seconds:
        while (now := time.perf_counter()) < due:
            await asyncio.sleep(min(0.005, due - now))
        await client.order(number, due)
        number += 1
        due += rng.expovariate(rate)
    sent_for = time.perf_counter() - began
    samples = await client.collect_samples()
    after = scrape(workers)
    lasted = max(client.last - began, sent_for)
    return _step(f"{rate:g}/s", rate, len(samples.latencies) / lasted, samples, before, after, lasted)


def scrape(workers: Iterable[Worker]) -> dict[str, float]:
    """Return sums and counts of the workers' histograms, and their processor seconds."""
    found: dict[str, float] = {}
    for worker in workers:
        for line in worker.metrics().splitlines():
            name, _, value = line.rpartition(" ")
            if (
                name.startswith(("promo_transaction_phase_seconds_", "promo_transaction_commands_"))
                and "_bucket" not in name
            ):
                found[name] = found.get(name, 0.0) + float(value)
        found["cpu"] = found.get("cpu", 0.0) + cpu_seconds(worker.process.pid)
    busy = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    found["machine"] = sum(int(busy[i]) for i in (1, 2, 3, 6, 7, 8)) / 100
    return found


def _step(
    name: str,
    rate: float,
    decided: float,
    samples: Samples,
    before: dict[str, float],
    after: dict[str, float],
    seconds: float,
) -> LoadStep:
    def grown(key: str) -> float:
        return after.get(key, 0.0) - before.get(key, 0.0)

    def mean(metric: str, labels: str = "") -> float:
        return grown(f"{metric}_sum{labels}") / max(1.0, grown(f"{metric}_count{labels}"))

    phases = {p: 1000 * mean("promo_transaction_phase_seconds", f'{{phase="{p}"}}') for p in PHASES}
    batch = mean("promo_transaction_commands")
    cores = grown("cpu") / seconds
    return LoadStep(
        name, rate, decided, samples, batch, phases, cores, max(0.0, grown("machine") / seconds - cores)
    )


COLUMNS = (
    "offered",
    "decided/s",
    "p50 ms",
    "p95 ms",
    "unanswered",
    "batch",
    "decide ms",
    "write ms",
    "commit ms",
    "store ms",
    "cores of the workers",
    "of everything else",
    "orders per core-second",
)


def cells(s: LoadStep) -> list[object]:
    """Return the cells of a row."""
    quantiles = [
        f"{s.samples.quantile(q):.0f}" if s.rate and s.samples.latencies else "" for q in (0.5, 0.95)
    ]
    return [
        s.name,
        f"{s.decided:,.0f}",
        *quantiles,
        s.samples.statuses[0],
        f"{s.batch:.0f}",
        *(f"{s.phases[p]:.1f}" for p in PHASES[1:]),
        f"{s.cores:.2f}",
        f"{s.others:.2f}",
        f"{s.decided / max(s.cores, 0.001):,.0f}",
    ]


async def run(options: argparse.Namespace, folder: Path) -> list[LoadStep]:
    """Measure on a broker of its own."""
    kafka = start_kafka(folder / "kafka")
    steps = []
    try:
        await topics.create(settings.read({"PROMO_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap}))
        for count in options.buckets:
            workers = min(count, options.workers)
            steps.append(await backlog(kafka.bootstrap, folder, options.orders, count, workers))
            print(report.table(COLUMNS, map(cells, steps)), flush=True)
        if not options.rates:
            return steps
        with running_workers(kafka.bootstrap, folder, 1, {}) as started:
            async with RestaurantClient(kafka.bootstrap) as client:
                await client.create_restaurant()
                await open_loop(client, started, 50, 3)  # warm
                for rate in options.rates:
                    steps.append(await open_loop(client, started, rate, options.seconds))
                    print(report.table_row(cells(steps[-1])), flush=True)
                    if steps[-1].samples.quantile(0.95) > MAX_P95_MS:
                        break
    finally:
        kafka.stop()
    return steps


def main() -> None:
    """Measure, print the table."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.one_restaurant", description=__doc__)
    arguments.add_argument("--orders", type=int, default=20_000, help="of the backlog")
    arguments.add_argument(
        "--buckets", type=_parse_numbers(int), default=[1], help="of the restaurant, for the backlog"
    )
    arguments.add_argument("--workers", type=int, default=2, help="of the backlog, at most")
    arguments.add_argument(
        "--rates",
        type=_parse_numbers(float),
        default=[200, 500, 1000, 1500, 2000, 2500, 3000],
        help="orders a second",
    )
    arguments.add_argument("--seconds", type=float, default=8.0, help="at each rate")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        steps = asyncio.run(run(options, Path(folder)))
    print("\n" + report.table(COLUMNS, map(cells, steps)))


def _parse_numbers(kind: type[N]) -> Callable[[str], list[N]]:
    return lambda text: [kind(part) for part in text.split(",") if part]


if __name__ == "__main__":
    main()
