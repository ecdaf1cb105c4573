"""`python -m tests.bench.raw_loop`: the product compared with a minimal transactional loop.

For each command the loop writes as much as the product writes for a confirmed order: a reply, three facts, and the
changes of the tables, of about the same bytes, through the same producer. It has no Faust, no decision, no tables, no
RocksDB and no linger. Both run in turn on one broker; orders are paid by cash. A latency counts from the moment when a
command was due until its reply can be read.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from compose.kafka import topics
from schemas import codec, settings
from schemas.kafka_connection import KafkaConnection
from schemas.topics import (
    CLOCK_ACCEPTANCES,
    ORDER_COMMANDS,
    ORDER_CONFIRMED,
    ORDER_CREATED,
    ORDER_REPLIES,
    STATE_CHANGELOG,
    STOCK_RESERVED,
)
from streams.exactly_once.kafka_log import KafkaLog
from streams.exactly_once.ports import Output
from tests.bench.one_restaurant import LoadStep, RestaurantClient, open_loop, running_workers
from tests.bench.open_loop import Samples
from tests.support import report
from tests.support.exactly_once.worker import Worker
from tests.support.stack import start_kafka

PARTITIONS = 2
FACTS = (ORDER_CREATED.name, STOCK_RESERVED.name, ORDER_CONFIRMED.name)
#: As long as those of the product; RestaurantClient accepts the reply.
REPLY = b'{"outcome":"confirmed","order":"' + b"x" * 700 + b'"}'
FACT, CHANGE = b"x" * 500, b"x" * 350
CHANGES = 5  # of tables, by an order
#: Before the first measurement, because the broker's JVM compiles.
WARMUP_SECONDS, WARMUP_RATE = 20.0, 200.0
#: Of a transaction.
MAX_COMMANDS = 500


async def serve(bootstrap: str) -> None:
    """Reply to commands until killed, each partition on its own."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_max_wait_ms=500)
    await consumer.start()
    sources = [TopicPartition(ORDER_COMMANDS.name, number) for number in range(PARTITIONS)]
    consumer.assign(sources)
    await consumer.seek_to_end()
    queues: dict[TopicPartition, asyncio.Queue[list[Any]]] = {source: asyncio.Queue() for source in sources}
    workers = [asyncio.ensure_future(transact(bootstrap, source, queue)) for source, queue in queues.items()]
    while not any(worker.done() for worker in workers):
        for source, records in (await consumer.getmany(timeout_ms=200)).items():
            queues[source].put_nowait(records)
    await asyncio.gather(*workers)


async def transact(bootstrap: str, source: TopicPartition, queue: asyncio.Queue[list[Any]]) -> None:
    """Write a transaction for the commands in the queue, again and again."""
    log = KafkaLog(
        KafkaConnection(bootstrap), "raw-loop", source, STATE_CHANGELOG.name, CLOCK_ACCEPTANCES.name, 10.0
    )
    await log.fence()
    while True:
        records = await queue.get()
        while len(records) < MAX_COMMANDS and not queue.empty():
            records = records + queue.get_nowait()
        outputs = [output for record in records for output in outputs_of(record)]
        changes: dict[bytes, bytes | None] = {
            b"%d-%d-%d" % (source.partition, record.offset, part): CHANGE
            for record in records
            for part in range(CHANGES)
        }
        await log.begin()
        await log.produce(outputs, changes)
        await log.commit()


def outputs_of(record: Any) -> Sequence[Output]:
    """Return the reply to a command, and three facts."""
    to = codec.reply_address(record.headers)
    if to is None:
        return ()
    headers = [("correlation-id", to.correlation_id)]
    facts = [Output(topic, record.partition, record.key, FACT, record.headers) for topic in FACTS]
    return [Output(ORDER_REPLIES.name, to.partition, None, REPLY, headers), *facts]


@contextmanager
def running_loop(bootstrap: str) -> Iterator[list[Worker]]:
    """Run the loop in a process of its own."""
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.raw_loop", "--serve", bootstrap])
    try:
        yield []
    finally:
        process.kill()
        process.wait()


async def run(
    rates: list[float], seconds: float, rounds: int, folder: Path
) -> dict[tuple[str, float], Samples]:
    """Measure loop and product alternately on one broker; return the samples by name and rate."""
    kafka = start_kafka(folder / "kafka")
    measured: dict[tuple[str, float], Samples] = {}
    try:
        await topics.create(
            settings.read(
                {"PROMO_PARTITIONS": str(PARTITIONS), "PROMO_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap}
            )
        )
        for number in range(rounds):
            named = {"partitions": PARTITIONS}
            for name in ("raw", "ours"):
                running = (
                    running_loop(kafka.bootstrap)
                    if name == "raw"
                    else running_workers(kafka.bootstrap, folder, 1, named)
                )
                with running as workers:
                    for rate, step in await measure(kafka.bootstrap, workers, rates, seconds):
                        samples = measured.setdefault((name, rate), Samples())
                        for latency in step.samples.latencies:
                            samples.add(200, latency)
                        print(
                            number,
                            name,
                            rate,
                            f"{step.samples.quantile(0.5):.0f} {step.samples.quantile(0.95):.0f}",
                        )
    finally:
        kafka.stop()
    return measured


async def measure(
    bootstrap: str, workers: list[Worker], rates: list[float], seconds: float
) -> list[tuple[float, LoadStep]]:
    """Return the result of each rate."""
    async with RestaurantClient(bootstrap) as client:
        await asyncio.sleep(2.0)  # until the loop consumes
        await client.create_restaurant()
        await open_loop(client, workers, WARMUP_RATE, WARMUP_SECONDS)
        return [(rate, await open_loop(client, workers, rate, seconds)) for rate in rates]


def table(measured: dict[tuple[str, float], Samples], rates: list[float]) -> str:
    """Return a row for each rate."""
    rows = [
        (
            f"{rate:g}",
            *(f"{measured[name, rate].quantile(q):.0f}" for q in (0.5, 0.95) for name in ("raw", "ours")),
        )
        for rate in rates
    ]
    return report.table(("orders/s", "raw p50 ms", "ours p50 ms", "raw p95 ms", "ours p95 ms"), rows)


def main() -> None:
    """Measure, print the table."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.raw_loop", description=__doc__)
    arguments.add_argument("--rates", type=lambda text: list(map(float, text.split(","))), default=[50, 200])
    arguments.add_argument("--seconds", type=float, default=10.0, help="at each rate")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--serve", metavar="BOOTSTRAP", help="run the loop itself (internal)")
    options = arguments.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve))
        return
    with tempfile.TemporaryDirectory() as folder:
        measured = asyncio.run(run(options.rates, options.seconds, options.rounds, Path(folder)))
    print(table(measured, options.rates))


if __name__ == "__main__":
    main()
