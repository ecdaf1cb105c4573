"""How many dead letters wait, in metrics: every dead-letter topic, followed from its first record on.

Every process of the group tells the same number, so take the largest, not the sum.
"""

import asyncio
import logging
from collections.abc import Iterable

from aiokafka.errors import KafkaError

from egress import retrying
from egress.dlq.kafka_shelf import SOURCES, reader
from egress.dlq.shelf import Entry, Mark, Place, read
from egress.fact_log import Record
from egress.kafka_fact_log import records_of
from schemas import metrics
from schemas.letting_go import let_go
from schemas.settings import Settings
from schemas.topics import DEAD_LETTER_TOPICS

log = logging.getLogger(__name__)

#: How long one read waits for dead letters, in milliseconds; nearly always there are none.
POLL_MS = 2_000


class Depth:
    """Counts the dead letters of each topic that nothing was done about."""

    def __init__(self) -> None:
        """Begin with none, and show it."""
        self._waiting: dict[str, set[Place]] = {topic: set() for topic in DEAD_LETTER_TOPICS}
        self._done: set[Place] = set()
        self._show()

    def take(self, records: Iterable[Record]) -> None:
        """Count records of dead-letter topics, each as often as it is read."""
        for record in records:
            topic = SOURCES[record.partition.topic]
            match read(topic, record):
                case Entry(place) if place not in self._done:
                    self._waiting[topic].add(place)
                case Mark(place):
                    self._done.add(place)
                    self._waiting[topic].discard(place)
        self._show()

    def _show(self) -> None:
        for topic, places in self._waiting.items():
            metrics.dead_letters.labels(topic).set(len(places))


async def follow(settings: Settings) -> None:
    """Keep the metric right until cancelled; whenever Kafka fails, begin anew."""
    attempt = 0
    while True:
        consumer = reader(settings.bootstrap_servers, DEAD_LETTER_TOPICS, POLL_MS)
        try:
            await consumer.start()
            depth = Depth()
            while True:
                depth.take(records_of(await consumer.getmany(timeout_ms=POLL_MS)))
                attempt = 0
        except (KafkaError, OSError) as error:
            attempt += 1
            metrics.retries.labels("dead letters").inc()
            log.warning("dead letters are counted anew: %r", error)
        finally:
            await let_go(consumer.stop())
        await asyncio.sleep(retrying.wait(attempt))
