"""`python -m tests.bench.refill`: how long an emptied Redis takes until it shows every menu, board and order again.

The facts are those of the domain itself, of orders spread evenly over the days before; egress projects them from a real
broker into a real Redis, in one process, as it does when Redis comes back empty.
"""

import argparse
import asyncio
import contextlib
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop

from compose.kafka import topics
from egress import redis_client
from egress.kafka.consumers import AllPartitionsConsumer
from egress.projections.projector import Projector
from egress.projections.rebuild import DiscardedDeadLetters
from egress.projections.redis_store import RedisViewStore
from schemas import codec, settings
from schemas.commands import AdvanceOrder
from schemas.consumer_groups import PROJECTION
from schemas.facts import Fact
from schemas.identity import order_id
from schemas.runtime.kafka_clients import make_producer
from schemas.runtime.kafka_sessions import started
from schemas.settings import Settings
from schemas.timestamps import EpochMs, from_text
from schemas.topics import FACT_TOPICS, WATERMARKS
from streams.domain.decision import Policy
from tables.registry import IDEMPOTENCY_KEYS, ORDERS, TIMERS
from tests.support import report
from tests.support.domain.harness import DomainHarness, place
from tests.support.stack import start_kafka, start_redis

RESTAURANTS, ITEMS = 50, 20
PARTITIONS = 8
#: Facts that are held in memory.
MAX_HELD = 10_000
#: Facts of most orders: created, reserved, confirmed, three changes of status.
FACTS_EACH = 5.7
DAY_MS = 86_400_000


def decide(domain: DomainHarness, number: int, rng: random.Random) -> None:
    """Decide an order of one of the restaurants, and move most on to their end."""
    restaurant = f"r{number % RESTAURANTS}"
    sku = f"item{rng.randrange(ITEMS)}"
    domain.do(place(f"k{number}", (sku, 1), restaurant=restaurant))
    if rng.random() < 0.9:
        for status in ("preparing", "out_for_delivery", "delivered"):
            domain.do(AdvanceOrder(restaurant, order_id(restaurant, f"k{number}"), status))


async def write_facts(config: Settings, count: int, days: float) -> int:
    """Write at least this many facts, of orders spread over the days before now; return their number."""
    rng = random.Random(1)
    now = int(time.time() * 1000)
    orders = int(count / FACTS_EACH)
    domain = DomainHarness(int(now - days * DAY_MS), Policy())
    for number in range(RESTAURANTS):
        domain.open(f"r{number}", **{f"item{item}": None for item in range(ITEMS)})
    written = 0
    async with started(make_producer(config.kafka, linger_ms=20, max_batch_size=2**18)) as producer:
        for number in range(orders):
            domain.now = EpochMs(int(now - days * DAY_MS * (1 - number / orders)))
            decide(domain, number, rng)
            if len(domain.facts) >= MAX_HELD or number == orders - 1:
                written += len(domain.facts)
                await _send(producer, domain.facts)
                domain.facts.clear()
                domain.tables[ORDERS.name].clear()
                domain.tables[IDEMPOTENCY_KEYS.name].clear()
                domain.tables[TIMERS.name].clear()
    return written


async def _send(producer: Any, facts: Sequence[Fact]) -> None:
    sent = []
    for fact in facts:
        headers = codec.headers(type(fact), "0-0-0", codec.NO_TRACE)
        at = from_text(fact.occurred_at)
        sent.append(
            await producer.send(
                FACT_TOPICS[type(fact)].name,
                codec.encode(fact),
                key=fact.restaurant_id.encode(),
                headers=headers,
                timestamp_ms=at,
            )
        )
    await asyncio.gather(*sent)


async def refill(config: Settings) -> float:
    """Project every fact into an empty Redis; return the seconds until the views show all."""
    consumer = AllPartitionsConsumer(config.kafka, PROJECTION.topics, config.partitions)
    async with (
        contextlib.aclosing(redis_client.connect(config.redis)) as redis,
        started(consumer) as facts,
    ):
        await redis.flushdb()
        partitions = [partition for partition in facts.assigned() if partition.topic != WATERMARKS.name]
        ends = await facts.ends(partitions)
        began = time.perf_counter()
        projector = Projector(facts, RedisViewStore(redis), DiscardedDeadLetters())
        await projector.seek_to_view_positions()
        while not projector.has_reached(ends):
            await projector.step()
        return time.perf_counter() - began


async def measure(folder: Path, options: argparse.Namespace) -> None:
    """Write the facts, and measure the refill."""
    kafka, redis = start_kafka(folder / "kafka"), start_redis(folder / "redis")
    try:
        config = settings.read(
            {
                "PROMO_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
                "PROMO_REDIS_URL": redis.url,
                "PROMO_PARTITIONS": str(PARTITIONS),
            }
        )
        await topics.create(config)
        began = time.perf_counter()
        written = await write_facts(config, options.facts, options.days)
        print(f"{written} facts written in {time.perf_counter() - began:.0f} s")
        rows = []
        for _ in range(options.rounds):
            seconds = await refill(config)
            rows.append((written, options.days, f"{seconds:.1f}", f"{written / seconds:,.0f}"))
        print(report.table(("facts", "days", "seconds", "facts a second"), rows))
    finally:
        redis.stop()
        kafka.stop()


def main() -> None:
    """Print how long Redis takes to be filled again."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.refill", description=__doc__)
    parser.add_argument("--facts", type=int, default=1_000_000)
    parser.add_argument("--days", type=float, default=7.0, help="days over which the orders are spread")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(measure(Path(folder), options))


if __name__ == "__main__":
    main()
