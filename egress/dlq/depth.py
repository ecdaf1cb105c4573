"""The metrics `promo_dlq_depth`, waiting dead letters of each topic, and `promo_refunds_refused`, those that are refunds.

Every egress process reads all dead-letter topics from the first record, so all report the same numbers, also after a
restart: aggregate over processes with max, not sum.
"""

from collections.abc import Callable
from itertools import chain

from egress.dlq.kafka_store import reader
from egress.dlq.refunds import may_be_refund
from egress.dlq.store import DeadLetterEntry, Resolution, SourceOffset, decode
from egress.kafka.records import record_of
from schemas import metrics
from schemas.runtime.kafka_sessions import started
from schemas.settings import Settings
from schemas.topics import DEAD_LETTER_TOPICS, PAYMENT_REQUESTS

#: How long one poll waits for dead letters, in milliseconds. Long, because nearly always there are none.
POLL_MS = 2_000


async def follow(settings: Settings, connected: Callable[[], None]) -> None:
    """Keep the metrics current until cancelled, counting from the first record; raises KafkaError."""
    waiting: dict[str, set[SourceOffset]] = {topic: set() for topic in DEAD_LETTER_TOPICS}
    refunds, resolved = set[SourceOffset](), set[SourceOffset]()
    async with started(reader(settings.kafka, DEAD_LETTER_TOPICS, POLL_MS)) as consumer:
        while True:
            batches = await consumer.getmany(timeout_ms=POLL_MS)
            connected()
            for raw in chain.from_iterable(batches.values()):
                match decode(record_of(raw)):
                    case DeadLetterEntry(source) as entry if source not in resolved:
                        waiting[source.topic].add(source)
                        if may_be_refund(entry):
                            refunds.add(source)
                    case Resolution(source):
                        resolved.add(source)
                        waiting[source.topic].discard(source)
            for topic, sources in waiting.items():
                metrics.dead_letters.labels(topic).set(len(sources))
            refunds &= waiting[PAYMENT_REQUESTS.name]
            metrics.refunds_refused.set(len(refunds))
