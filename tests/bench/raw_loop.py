"""`python -m tests.bench.raw_loop`: what is left between us and the limit, a transactional loop without a framework.

For each command the loop writes what a confirmed order makes us write: a reply, three facts, and the changes of the
tables, of about the same bytes, through the same producer. It has no Faust, no decision, no tables, no RocksDB, and
waits for nobody. Both on one broker, in turn, cash; latencies count from the moment a command was due to be written
until its reply can be read.
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
    ORDER_COMMANDS,
    ORDER_CONFIRMED,
    ORDER_CREATED,
    ORDER_REPLIES,
    STATE_CHANGELOG,
    STOCK_RESERVED,
)
from streams.exactly_once.kafka_log import KafkaLog
from streams.exactly_once.ports import Output
from tests.bench.one_restaurant import Shop, Step, open_loop, working
from tests.bench.open_loop import Samples
from tests.support.exactly_once.worker import Worker
from tests.support.stack import start_kafka

PARTITIONS = 2
FACTS = (ORDER_CREATED.name, STOCK_RESERVED.name, ORDER_CONFIRMED.name)
#: As long as ours; the reply is what a shop takes for one.
REPLY = b'{"outcome":"confirmed","order":"' + b"x" * 700 + b'"}'
FACT, CHANGE = b"x" * 500, b"x" * 350
CHANGES = 5  # of tables, by an order
#: Seconds in which the JVM compiles, at this rate.
WARM_SECONDS, WARM_RATE = 20.0, 200.0
#: Orders of a transaction at most.
MOST = 500


async def serve(bootstrap: str) -> None:
    """Answer commands until killed, each partition on its own."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_max_wait_ms=500)
    await consumer.start()
    sources = [TopicPartition(ORDER_COMMANDS.name, number) for number in range(PARTITIONS)]
    consumer.assign(sources)
    await consumer.seek_to_end()
    queues: dict[TopicPartition, asyncio.Queue[list[Any]]] = {source: asyncio.Queue() for source in sources}
    workers = [asyncio.ensure_future(loop(bootstrap, source, queue)) for source, queue in queues.items()]
    while not any(worker.done() for worker in workers):
        for source, records in (await consumer.getmany(timeout_ms=200)).items():
            queues[source].put_nowait(records)
    await asyncio.gather(*workers)


async def loop(bootstrap: str, source: TopicPartition, queue: asyncio.Queue[list[Any]]) -> None:
    """Take what there is, write its transaction, and so on."""
    log = KafkaLog(KafkaConnection(bootstrap), "raw-loop", source, STATE_CHANGELOG.name, 10.0)
    await log.fence()
    while True:
        records = await queue.get()
        while len(records) < MOST and not queue.empty():
            records = records + queue.get_nowait()
        outputs = [output for record in records for output in answer(record)]
        changes: dict[bytes, bytes | None] = {
            b"%d-%d-%d" % (source.partition, record.offset, part): CHANGE
            for record in records
            for part in range(CHANGES)
        }
        await log.begin()
        await log.produce(outputs, changes)
        await log.commit()


def answer(record: Any) -> Sequence[Output]:
    """Return the reply to a command, and three facts."""
    to = codec.reply_address(record.headers)
    if to is None:
        return ()
    said = [("correlation-id", to.correlation_id)]
    facts = [Output(topic, record.partition, record.key, FACT, record.headers) for topic in FACTS]
    return [Output(ORDER_REPLIES.name, to.partition, None, REPLY, said), *facts]


@contextmanager
def looping(bootstrap: str) -> Iterator[list[Worker]]:
    """Let the loop run, in a process of its own."""
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.raw_loop", "--serve", bootstrap])
    try:
        yield []
    finally:
        process.kill()
        process.wait()


async def run(
    rates: list[float], seconds: float, rounds: int, folder: Path
) -> dict[tuple[str, float], Samples]:
    """Measure on a broker of its own, in turn; return the samples of all rounds."""
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
                    looping(kafka.bootstrap) if name == "raw" else working(kafka.bootstrap, folder, 1, named)
                )
                with running as workers:
                    for rate, step in await ask(kafka.bootstrap, workers, rates, seconds):
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


async def ask(
    bootstrap: str, workers: list[Worker], rates: list[float], seconds: float
) -> list[tuple[float, Step]]:
    """Return what came of each rate."""
    async with Shop(bootstrap) as shop:
        await asyncio.sleep(2.0)  # until the loop listens
        await shop.put()
        await open_loop(shop, workers, WARM_RATE, WARM_SECONDS)
        return [(rate, await open_loop(shop, workers, rate, seconds)) for rate in rates]


def table(measured: dict[tuple[str, float], Samples], rates: list[float]) -> str:
    """Return a row for each rate."""
    lines = ["| orders/s | raw p50 ms | ours p50 ms | raw p95 ms | ours p95 ms |", "|---|---|---|---|---|"]
    for rate in rates:
        raw, ours = measured["raw", rate], measured["ours", rate]
        cells = [f"{samples.quantile(q):.0f}" for q in (0.5, 0.95) for samples in (raw, ours)]
        lines.append(f"| {rate:g} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.raw_loop", description=__doc__)
    arguments.add_argument("--rates", type=lambda text: list(map(float, text.split(","))), default=[50, 200])
    arguments.add_argument("--seconds", type=float, default=10.0, help="of one rate")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--serve", metavar="BOOTSTRAP", help="be the loop")
    options = arguments.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve))
        return
    with tempfile.TemporaryDirectory() as folder:
        measured = asyncio.run(run(options.rates, options.seconds, options.rounds, Path(folder)))
    print(table(measured, options.rates))


if __name__ == "__main__":
    main()
