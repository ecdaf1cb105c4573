"""python -m tests.bench.replay: how long a takeover replays a partition's changelog, with and without a standby copy.

The changelog is that of one partition after a promotion, written through the product's own log on a broker of its own.
The default of PROMO_STANDBY_REPLICAS follows from the result: with a copy, only the last seconds are replayed.
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from schemas.kafka_connection import KafkaConnection
from schemas.topics import CLOCK_ACCEPTANCES
from streams.exactly_once.kafka_log import KafkaLog
from streams.exactly_once.rocksdb_store import RocksDBStore
from streams.exactly_once.standby.replicas import REFRESH_INTERVAL_SECONDS, catch_up
from tests.support.stack import start_kafka

CHANGELOG = "replayed"
#: Records of an order in the changelog (order, key, stock, timers, kitchen, position), and bytes of each.
RECORDS_EACH, RECORD_BYTES = 6, 320
ORDERS_PER_TRANSACTION = 100


async def measure(bootstrap: str, folder: Path, orders: int, rate: float) -> None:
    """Write the changelog, replay it with and without a copy, print."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    compacted = {"cleanup.policy": "compact"}
    await admin.create_topics([NewTopic("source", 1, 1), NewTopic(CHANGELOG, 1, 1, topic_configs=compacted)])
    await admin.close()
    log = KafkaLog(
        KafkaConnection(bootstrap),
        "bench",
        TopicPartition("source", 0),
        CHANGELOG,
        CLOCK_ACCEPTANCES.name,
        10.0,
    )
    copy = RocksDBStore(folder / "copy")
    await log.fence()
    missing = int(REFRESH_INTERVAL_SECONDS * rate)
    await _write(log, 0, orders - missing)
    await catch_up(log, copy, "bench")
    await _write(log, orders - missing, orders)
    whole = await _time_catch_up(log, RocksDBStore(folder / "fresh"))
    rest = await _time_catch_up(log, copy)
    await log.close()
    records = orders * RECORDS_EACH
    print(f"{orders} orders of one partition, {records} records")
    print(f"without a copy: {whole:.2f} s ({records / whole:.0f} records/s)")
    print(f"with a copy that is {REFRESH_INTERVAL_SECONDS:g} s old at {rate:g} orders/s: {rest:.2f} s")


async def _time_catch_up(log: KafkaLog, store: RocksDBStore) -> float:
    started = time.perf_counter()
    await log.fence()
    await catch_up(log, store, "bench")
    return time.perf_counter() - started


async def _write(log: KafkaLog, first: int, last: int) -> None:
    value = os.urandom(RECORD_BYTES // 2).hex().encode()
    for begin in range(first, last, ORDERS_PER_TRANSACTION):
        orders = range(begin, min(last, begin + ORDERS_PER_TRANSACTION))
        changes = {
            f"table {part} of order {order:08d} at a restaurant".encode(): value
            for order in orders
            for part in range(RECORDS_EACH)
        }
        await log.begin()
        await log.produce([], changes)
        await log.commit()


def main() -> None:
    """Measure on a broker of its own."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.replay", description=__doc__)
    arguments.add_argument("--orders", type=int, default=10_000, help="of one partition")
    arguments.add_argument("--rate", type=float, default=15.0, help="orders a second of one partition")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kafka = start_kafka(Path(folder) / "kafka")
        try:
            asyncio.run(measure(kafka.bootstrap, Path(folder), options.orders, options.rate))
        finally:
            kafka.stop()


if __name__ == "__main__":
    main()
