"""The metric `promo_dlq_depth`: waiting dead letters of each topic.

Every egress process reads all dead-letter topics from the first record, so all report the same depth:
aggregate over processes with max, not sum.
"""

from collections.abc import Callable
from itertools import chain

from egress.dlq.kafka_store import reader
from egress.dlq.store import DeadLetterEntry, Resolution, SourceOffset, decode
from egress.kafka.records import record_of
from schemas import metrics
from schemas.runtime.kafka_sessions import started
from schemas.settings import Settings
from schemas.topics import DEAD_LETTER_TOPICS

#: How long one poll waits for dead letters, in milliseconds. Long, because nearly always there are none.
POLL_MS = 2_000


async def follow(settings: Settings, connected: Callable[[], None]) -> None:
    """Keep the metric current until cancelled, counting from the first record; raises KafkaError."""
    waiting: dict[str, set[SourceOffset]] = {topic: set() for topic in DEAD_LETTER_TOPICS}
    resolved = set[SourceOffset]()
    async with started(reader(settings.kafka, DEAD_LETTER_TOPICS, POLL_MS)) as consumer:
        while True:
            batches = await consumer.getmany(timeout_ms=POLL_MS)
            connected()
            for raw in chain.from_iterable(batches.values()):
                match decode(record_of(raw)):
                    case DeadLetterEntry(source) if source not in resolved:
                        waiting[source.topic].add(source)
                    case Resolution(source):
                        resolved.add(source)
                        waiting[source.topic].discard(source)
            for topic, sources in waiting.items():
                metrics.dead_letters.labels(topic).set(len(sources))
