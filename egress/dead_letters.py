"""How much lies in the dead-letter topics: every record counted, so that markers of transactions are not."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from egress import retrying
from schemas import metrics
from schemas.settings import Settings
from schemas.topics import DEAD_LETTER_TOPICS

#: Between two measurements, in seconds.
MEASURE_SECONDS = 1.0
#: How long to wait for records, in milliseconds.
POLL_MS = 200


class Depth:
    """The offsets of the records that a partition holds, as far as it was read."""

    def __init__(self) -> None:
        """Begin with none."""
        self._offsets: deque[int] = deque()

    def add(self, offsets: Iterable[int]) -> None:
        """Take records that were read, in order."""
        self._offsets.extend(offsets)

    def since(self, beginning: int) -> int:
        """Return how many there are from this offset on; those before it are deleted, and forgotten."""
        while self._offsets and self._offsets[0] < beginning:
            self._offsets.popleft()
        return len(self._offsets)


async def run(settings: Settings) -> None:
    """Measure about once a second until cancelled; whenever Kafka fails, count anew."""
    attempt = 0
    while True:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap_servers,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        with contextlib.suppress(KafkaError, OSError):
            await consumer.start()
            attempt = 0
            try:
                await _measure(consumer, settings.partitions)
            finally:
                await consumer.stop()
        attempt += 1
        await asyncio.sleep(retrying.wait(attempt))


async def _measure(consumer: AIOKafkaConsumer, partitions: int) -> None:
    tps = [TopicPartition(t.name, number) for t in DEAD_LETTER_TOPICS for number in range(partitions)]
    depths = {tp: Depth() for tp in tps}
    consumer.assign(tps)
    await consumer.seek_to_beginning()
    while True:
        ends = await consumer.end_offsets(tps)
        while [tp for tp in tps if await consumer.position(tp) < ends[tp]]:
            for tp, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                depths[tp].add(record.offset for record in records)
        _show(depths, await consumer.beginning_offsets(tps))
        await asyncio.sleep(MEASURE_SECONDS)


def _show(depths: Mapping[TopicPartition, Depth], beginnings: Mapping[TopicPartition, int]) -> None:
    totals = {topic.name: 0 for topic in DEAD_LETTER_TOPICS}
    for tp, depth in depths.items():
        totals[tp.topic] += depth.since(beginnings[tp])
    for topic, total in totals.items():
        metrics.dead_letters.labels(topic).set(total)
