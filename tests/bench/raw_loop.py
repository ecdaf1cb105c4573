"""`python -m tests.bench.raw_loop`: what is left between us and the limit, a transactional loop without a framework.

The loop reads commands, and in one transaction writes a reply to each and commits the offsets: aiokafka, no state, no
decision, no partition of its own. Ours does all that an order needs. Both on one broker, in one run, in turn; latencies
count from the moment a command was due to be written until its reply can be read.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from compose.kafka import topics
from schemas import codec, settings
from schemas.topics import ORDER_COMMANDS, ORDER_REPLIES
from tests.bench.one_restaurant import Shop, open_loop, working
from tests.bench.open_loop import Samples
from tests.stack import start_kafka

GROUP = "raw-loop"
#: As long as a reply of ours, and what a shop takes for one.
REPLY = b'{"outcome":"confirmed","order":"' + b"x" * 900 + b'"}'
#: Seconds until the group has its partitions, in which the JVM compiles, too.
SETTLING = 5.0


async def loop(bootstrap: str) -> None:
    """Answer commands until killed."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, transactional_id=GROUP, acks="all", linger_ms=0, max_batch_size=900_000
    )
    consumer = AIOKafkaConsumer(
        ORDER_COMMANDS.name, bootstrap_servers=bootstrap, group_id=GROUP, enable_auto_commit=False
    )
    await producer.start()
    await consumer.start()
    while True:
        batches = await consumer.getmany(timeout_ms=200, max_records=500)
        if not batches:
            continue
        async with producer.transaction():
            for batch in batches.values():
                for record in batch:
                    address = codec.reply_address(record.headers)
                    if address is not None:
                        headers = [("correlation-id", address.correlation_id)]
                        await producer.send(
                            ORDER_REPLIES.name, REPLY, partition=address.partition, headers=headers
                        )
            done: dict[TopicPartition, OffsetAndMetadata] = {
                partition: OffsetAndMetadata(batch[-1].offset + 1, "") for partition, batch in batches.items()
            }
            await producer.send_offsets_to_transaction(done, GROUP)


@contextmanager
def looping(bootstrap: str) -> Iterator[None]:
    """Let the loop run, in a process of its own."""
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.raw_loop", "--serve", bootstrap])
    try:
        time.sleep(SETTLING)
        yield
    finally:
        process.kill()
        process.wait()


async def run(rates: list[float], seconds: float, rounds: int, folder: Path) -> None:
    """Measure on a broker of its own; print a row for each rate, of all rounds together."""
    kafka = start_kafka(folder / "kafka")
    measured: dict[tuple[str, float], Samples] = {}
    try:
        await topics.create(settings.read(), kafka.bootstrap)
        for number in range(rounds):
            for name in ("raw", "ours"):
                running = (
                    looping(kafka.bootstrap)
                    if name == "raw"
                    else working(kafka.bootstrap, folder / f"{number}", 1, {})
                )
                with running as workers:
                    async with Shop(kafka.bootstrap) as shop:
                        await shop.put()
                        await open_loop(shop, [], 100, SETTLING)  # warm
                        for rate in rates:
                            step = await open_loop(shop, workers or [], rate, seconds)
                            measured.setdefault((name, rate), Samples()).extend(step.samples)
    finally:
        kafka.stop()
    print("| orders/s | raw p50 ms | ours p50 ms | raw p95 ms | ours p95 ms |\n|---|---|---|---|---|")
    for rate in rates:
        raw, ours = measured["raw", rate], measured["ours", rate]
        cells = [f"{samples.quantile(q):.1f}" for q in (0.5, 0.95) for samples in (raw, ours)]
        print(f"| {rate:g} | {' | '.join(cells)} |")


def main() -> None:
    """Measure, print."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.raw_loop", description=__doc__)
    arguments.add_argument("--rates", type=lambda text: list(map(float, text.split(","))), default=[50, 200])
    arguments.add_argument("--seconds", type=float, default=10.0, help="of one rate")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--serve", metavar="BOOTSTRAP", help="be the loop")
    options = arguments.parse_args()
    if options.serve:
        asyncio.run(loop(options.serve))
        return
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(options.rates, options.seconds, options.rounds, Path(folder)))


if __name__ == "__main__":
    main()
