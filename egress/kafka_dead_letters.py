"""Dead letters in Kafka: each in the dead-letter topic of its topic, in the same partition."""

import asyncio
import logging
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer

from egress.dead_letters import DeadLetter
from schemas.dead_letters import set_aside
from schemas.letting_go import let_go
from schemas.topics import DEAD_LETTER_TOPICS

log = logging.getLogger(__name__)

#: Longest silence of a broker on one request, in milliseconds.
REQUEST_TIMEOUT_MS = 5_000


class KafkaDeadLetters:
    """Writes dead letters with acks=all; they are rare, so each batch has a producer of its own."""

    def __init__(self, bootstrap_servers: str) -> None:
        """Take the broker's addresses."""
        self._bootstrap_servers = bootstrap_servers

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Write all of them, but those of topics that have no dead letters. Raises KafkaError."""
        for record, reason, error in letters:
            log.error(
                "%s@%d is set aside as %s: %s",
                record.partition.field,
                record.offset,
                reason,
                error,
                extra={"restaurant_id": (record.key or b"").decode(errors="replace")},
            )
        kept = [letter for letter in letters if letter.record.partition.topic in DEAD_LETTER_TOPICS]
        if not kept:
            return
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            enable_idempotence=True,
            acks="all",
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        try:
            await producer.start()
            await asyncio.gather(*[await _send(producer, letter) for letter in kept])
        finally:
            await let_go(producer.stop())


async def _send(producer: AIOKafkaProducer, letter: DeadLetter) -> "asyncio.Future[object]":
    record, (topic, number) = letter.record, letter.record.partition
    headers = set_aside(record.headers, letter.reason, letter.error, topic, number, record.offset)
    batch = producer.create_batch()  # `send` takes neither a record without key and value nor a very long one
    batch.append(key=record.key, value=record.value, timestamp=None, headers=headers)
    sent: asyncio.Future[object] = await producer.send_batch(
        batch, DEAD_LETTER_TOPICS[topic].name, partition=number
    )
    return sent
