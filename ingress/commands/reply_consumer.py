"""The Kafka consumer of replies: reads this process's partition of the topic, from its start on."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec
from aiokafka import TopicPartition

from schemas import codec, metrics
from schemas.kafka_connection import KafkaConnection
from schemas.replies import Reply
from schemas.runtime.kafka_clients import make_consumer
from schemas.runtime.kafka_sessions import started
from schemas.runtime.reconnect import MAX_URGENT_DELAY_SECONDS, run_reconnecting
from schemas.topics import ORDER_REPLIES

log = logging.getLogger(__name__)

#: How long one read waits for replies, in milliseconds.
POLL_MS = 1_000

Deliver = Callable[[bytes, Reply], None]


class ReplyConsumer:
    """Reads replies and calls `deliver` with each correlation id and reply."""

    def __init__(self, connection: KafkaConnection, partition: int, deliver: Deliver) -> None:
        self._connection = connection
        self._partition = TopicPartition(ORDER_REPLIES.name, partition)
        self._deliver = deliver
        self._position: int | None = None  # next offset to read; None: the end
        #: Set while the replies to commands that are sent from now on will be read.
        self.reading = asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled; each reconnect continues at the next offset."""
        await run_reconnecting("reply consumer", self._session, max_delay_seconds=MAX_URGENT_DELAY_SECONDS)

    async def is_reading(self) -> bool:
        """Return True if replies are being read."""
        return self.reading.is_set()

    async def _session(self, connected: Callable[[], None]) -> None:
        async with started(make_consumer(self._connection, auto_offset_reset="latest")) as consumer:
            try:
                consumer.assign([self._partition])
                if self._position is None:
                    # Not seek_to_end, which is resolved later: replies that arrive until then would be skipped.
                    self._position = (await consumer.end_offsets([self._partition]))[self._partition]
                consumer.seek(self._partition, self._position)
                self.reading.set()
                connected()
                while True:
                    for record in (await consumer.getmany(timeout_ms=POLL_MS)).get(self._partition, ()):
                        self._handle(record)
                        self._position = record.offset + 1
            finally:
                self.reading.clear()  # before the consumer is closed, which may take its time

    def _handle(self, record: Any) -> None:
        correlation_id = codec.header(record.headers, "correlation-id")
        if correlation_id is None:
            return
        try:
            codec.require_known_version(record.headers)
            reply = codec.decode_reply(record.value)
        except codec.NewerVersionError as error:
            # its request is answered as if the reply were lost; those of other workers do not wait for it
            metrics.newer_records.labels("reply consumer").inc()
            log.error("reply not read: %s offset %d: %s", self._partition, record.offset, error)
            return
        except (msgspec.DecodeError, ValueError):
            log.exception("reply cannot be decoded: %s offset %d", self._partition, record.offset)
            return
        self._deliver(correlation_id, reply)
