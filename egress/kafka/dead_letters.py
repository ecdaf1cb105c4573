"""Dead letters: records that cannot be read or done, set aside so that the records behind them go on."""

import asyncio
import logging
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from egress.kafka.producer import send_to_partition
from egress.kafka.records import OutboundRecord, Record
from schemas.dead_letters import dead_letter_headers
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import make_producer
from schemas.runtime.kafka_sessions import started
from schemas.topics import DEAD_LETTER_TOPICS

log = logging.getLogger(__name__)


class DeadLetter(NamedTuple):
    """A record, and why it is set aside: `reason` is a word for machines, `error` is for people."""

    record: Record
    reason: str
    error: Exception


class DeadLetterSink(Protocol):
    """Where dead letters are written."""

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Write all of them; they are durable when this returns. Raises KafkaError."""


class DeadLetterProducer(DeadLetterSink):
    """Writes each dead letter to the dead-letter topic of its topic, in the same partition.

    Dead letters are rare, so each batch has a producer of its own.
    """

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Log all of them, and write those whose topic has a dead-letter topic. Raises KafkaError."""
        for record, reason, error in letters:
            place, about = (
                record.partition.field,
                {"restaurant_id": (record.key or b"").decode(errors="replace")},
            )
            log.error("dead letter, %s: %s@%d: %s", reason, place, record.offset, error, extra=about)
        kept = [letter for letter in letters if letter.record.partition.topic in DEAD_LETTER_TOPICS]
        if not kept:
            return
        async with started(make_producer(self._connection)) as producer:
            sent = [
                await send_to_partition(producer, letter.record.partition.number, _outbound(letter))
                for letter in kept
            ]
            await asyncio.gather(*sent)


def _outbound(letter: DeadLetter) -> OutboundRecord:
    record, (topic, number) = letter.record, letter.record.partition
    headers = dead_letter_headers(record.headers, letter.reason, letter.error, topic, number, record.offset)
    return OutboundRecord(DEAD_LETTER_TOPICS[topic].name, record.key, record.value, headers)
