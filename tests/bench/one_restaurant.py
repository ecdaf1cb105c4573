"""`python -m tests.bench.one_restaurant`: how many orders a second one restaurant has decided, and where it ends.

A real broker and stream workers; no ingress, so that what is measured is the writer. First a backlog
that the workers find when they start; then open loop, Poisson arrivals at growing rates: a latency
counts from the moment a command was due to be written until its reply can be read. `--buckets 1,2,4`
measures the backlog of one restaurant with so many buckets, one after the other;
portions are shared out by the buckets' own asks, over the relay.
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
from tests.support.domain.harness import place
from tests.support.exactly_once.worker import Worker
from tests.support.stack import start_kafka

#: The partition of the replies that the bench reads.
REPLIES = TopicPartition(ORDER_REPLIES.name, 15)
#: A step of the open loop ends the search when its p95 is past this, in milliseconds.
P95_MS = 300
#: Seconds that a step's last replies may take.
PATIENCE = 60.0
N = TypeVar("N", int, float)
PHASES = ("queue", "decide", "produce", "commit", "apply")


class Step(Struct):
    """What came of one rate, or of the backlog."""

    name: str
    rate: float  # asked, orders a second; 0: a backlog
    decided: float  # orders a second
    samples: Samples
    batch: float  # mean commands in a transaction
    phases: dict[str, float]  # mean milliseconds of a transaction's parts
    cores: float  # of the workers
    others: float  # cores that all else on the machine took: broker, bench, neighbours


class Shop:
    """One restaurant on a real broker: asks, and hears the replies."""

    def __init__(self, bootstrap: str, count: int = 1) -> None:
        self.restaurant = f"r-{uuid.uuid4().hex[:8]}"
        self._count = count
        self._bootstrap = bootstrap
        self._due: dict[bytes, float] = {}
        self._samples = Samples()
        self.first = self.last = 0.0  # when replies came

    async def __aenter__(self) -> "Shop":
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

    async def put(self, portions: int = 10_000_000) -> None:
        """Make the restaurant and its one item, with more portions than will be asked for."""
        await self._send(b"restaurant", PutRestaurant(self.restaurant, "Cantina", 10, 86_400))
        await self._send(b"item", PutMenuItem(self.restaurant, "x", "x", "", "geral", Money(100), portions))

    async def ask(self, number: int, due: float) -> None:
        """Write one order of a new key; a step's numbers begin with 0."""
        key = uuid.uuid4().hex
        self._due[key.encode()] = due
        order = place(key, ("x", 1), restaurant=self.restaurant, customer=f"c{number}")
        bucket = buckets.bucket(self.restaurant, self.bucket_of(order))
        await self._send(key.encode(), replace(order, restaurant_id=bucket))

    def bucket_of(self, order: PlaceOrder) -> int:
        """Return the number of the bucket that an order goes to: its key's."""
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

    def undecided(self) -> int:
        """Return how many orders wait for their reply."""
        return len(self._due)

    async def flush(self) -> None:
        """Return when all that was asked is in the log."""
        await self._producer.flush()

    async def answered(self) -> Samples:
        """Return what came of all that was asked since the last call, once nothing is missing or patience ends."""
        deadline = time.perf_counter() + PATIENCE
        while self._due and time.perf_counter() < deadline:
            await asyncio.sleep(0.02)
        samples, self._samples = self._samples, Samples()
        samples.statuses[0] += len(self._due)  # never answered
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


async def backlog(bootstrap: str, folder: Path, orders: int, count: int, workers: int) -> Step:
    """Write orders while nobody decides; start workers; measure from the first reply to the last.

    The workers have known the restaurant before, and with buckets each has sold a little, so that what is
    measured is a restaurant that is hot, not one that is made.
    """
    named = {"escrow_buckets": count, "escrow_open_orders_per_second": 0}
    async with Shop(bootstrap, count) as shop, relayed(bootstrap, count):
        with working(bootstrap, folder, workers, named):
            await shop.put()
            for number in range(50 * count):
                await shop.ask(number, time.perf_counter())
            await shop.flush()
            await shop.answered()
        shop.first = shop.last = 0.0
        began = time.perf_counter()
        for number in range(orders):
            await shop.ask(number, began)
        await shop.flush()
        with working(bootstrap, folder, workers, named) as started:
            before = scrape(started)
            samples = await shop.answered()
            seconds = shop.last - shop.first
            decided = len(samples.latencies) / seconds
            name = f"backlog, {count} bucket{'s' * (count > 1)}, {workers} worker{'s' * (workers > 1)}"
            return _step(name, 0, decided, samples, before, scrape(started), seconds)


@contextmanager
def working(bootstrap: str, folder: Path, count: int, named: dict[str, int]) -> Iterator[list[Worker]]:
    """Let stream workers work."""
    workers = [Worker(bootstrap, folder, f"streams-{n + 1}", **named) for n in range(count)]
    try:
        for worker in workers:
            worker.ready()
        yield workers
    finally:
        for worker in workers:
            worker.kill()


@asynccontextmanager
async def relayed(bootstrap: str, count: int) -> AsyncIterator[None]:
    """Let a relay work, as egress does."""
    config = settings.read({"PROMO_KAFKA_BOOTSTRAP_SERVERS": bootstrap, "PROMO_ESCROW_BUCKETS": str(count)})
    task = asyncio.create_task(run_reconnecting("bucket relay", partial(relay, config)))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def open_loop(shop: Shop, workers: list[Worker], rate: float, seconds: float) -> Step:
    """Ask at a rate, whatever becomes of it."""
    chance = random.Random(1)
    before = scrape(workers)
    began = due = time.perf_counter()
    number = 0
    while due < began + seconds:
        while (now := time.perf_counter()) < due:
            await asyncio.sleep(min(0.005, due - now))
        await shop.ask(number, due)
        number += 1
        due += chance.expovariate(rate)
    asked = time.perf_counter() - began
    samples = await shop.answered()
    after = scrape(workers)
    lasted = max(shop.last - began, asked)
    return _step(f"{rate:g}/s", rate, len(samples.latencies) / lasted, samples, before, after, lasted)


def scrape(workers: Iterable[Worker]) -> dict[str, float]:
    """Return sums and counts of the workers' histograms, and their processor seconds."""
    found: dict[str, float] = {}
    for worker in workers:
        for line in worker.metrics().splitlines():
            name, _, value = line.rpartition(" ")
            if (
                name.startswith(("promo_transaction_phase_seconds_", "promo_batch_commands_"))
                and "_bucket" not in name
            ):
                found[name] = found.get(name, 0.0) + float(value)
        ticks = Path(f"/proc/{worker.process.pid}/stat").read_text().rpartition(")")[2].split()
        found["cpu"] = found.get("cpu", 0.0) + (int(ticks[11]) + int(ticks[12])) / 100
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
) -> Step:
    def grown(key: str) -> float:
        return after.get(key, 0.0) - before.get(key, 0.0)

    def mean(metric: str, labels: str = "") -> float:
        return grown(f"{metric}_sum{labels}") / max(1.0, grown(f"{metric}_count{labels}"))

    phases = {p: 1000 * mean("promo_transaction_phase_seconds", f'{{phase="{p}"}}') for p in PHASES}
    batch = mean("promo_transaction_commands")
    cores = grown("cpu") / seconds
    return Step(
        name, rate, decided, samples, batch, phases, cores, max(0.0, grown("machine") / seconds - cores)
    )


def table(steps: list[Step]) -> str:
    """Return a row for each step."""
    lines = [
        "| asked | decided/s | p50 ms | p95 ms | unanswered | batch | decide ms | write ms | commit ms | store ms | cores of the workers | of all else | orders per core-second |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for s in steps:
        quantiles = [
            f"{s.samples.quantile(q):.0f}" if s.rate and s.samples.latencies else "" for q in (0.5, 0.95)
        ]
        phases = [f"{s.phases[p]:.1f}" for p in PHASES[1:]]
        lines.append(
            f"| {s.name} | {s.decided:,.0f} | {' | '.join(quantiles)} | {s.samples.statuses[0]} | {s.batch:.0f} "
            f"| {' | '.join(phases)} | {s.cores:.2f} | {s.others:.2f} | {s.decided / max(s.cores, 0.001):,.0f} |"
        )
    return "\n".join(lines)


async def run(options: argparse.Namespace, folder: Path) -> list[Step]:
    """Measure on a broker of its own."""
    kafka = start_kafka(folder / "kafka")
    steps = []
    try:
        await topics.create(settings.read({"PROMO_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap}))
        for count in options.buckets:
            workers = min(count, options.workers)
            steps.append(await backlog(kafka.bootstrap, folder, options.orders, count, workers))
            print(table(steps), flush=True)
        if not options.rates:
            return steps
        with working(kafka.bootstrap, folder, 1, {}) as started:
            async with Shop(kafka.bootstrap) as shop:
                await shop.put()
                await open_loop(shop, started, 50, 3)  # warm
                for rate in options.rates:
                    steps.append(await open_loop(shop, started, rate, options.seconds))
                    print(table(steps).splitlines()[-1], flush=True)
                    if steps[-1].samples.quantile(0.95) > P95_MS:
                        break
    finally:
        kafka.stop()
    return steps


def main() -> None:
    """Measure, print."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.one_restaurant", description=__doc__)
    arguments.add_argument("--orders", type=int, default=20_000, help="in the backlog")
    arguments.add_argument(
        "--buckets", type=_numbers(int), default=[1], help="of the restaurant, in the backlog"
    )
    arguments.add_argument("--workers", type=int, default=2, help="at most, in the backlog")
    arguments.add_argument("--rates", type=_numbers(float), default=[200, 500, 1000, 1500, 2000, 2500, 3000])
    arguments.add_argument("--seconds", type=float, default=8.0, help="of one rate")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        steps = asyncio.run(run(options, Path(folder)))
    print("\n" + table(steps))


def _numbers(kind: type[N]) -> Callable[[str], list[N]]:
    return lambda text: [kind(part) for part in text.split(",") if part]


if __name__ == "__main__":
    main()
