"""The reply inbox in Kafka: this process's partition of the replies, from the moment of its start."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas import codec
from schemas.letting_go import let_go
from schemas.replies import Reply
from schemas.topics import ORDER_REPLIES

log = logging.getLogger(__name__)

#: Between two attempts to read, in seconds.
RETRY_SECONDS = 0.2
#: How long one read waits for replies, in milliseconds.
POLL_MS = 1_000
#: Longest silence of a broker on one request, in milliseconds; more than a fetch waits for data.
REQUEST_TIMEOUT_MS = 5_000

Deliver = Callable[[bytes, Reply], None]


class KafkaReplyInbox:
    """Reads replies and hands each to `deliver`."""

    def __init__(self, bootstrap_servers: str, partition: int, deliver: Deliver) -> None:
        """Take the broker's addresses, the partition that is this process's, and who takes the replies."""
        self._bootstrap_servers = bootstrap_servers
        self._partition = TopicPartition(ORDER_REPLIES.name, partition)
        self._deliver = deliver
        self._position: int | None = None  # the next offset to read; None: from the end
        self._reading = asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled; broken readers are replaced and go on where the last one was."""
        while True:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap_servers,
                isolation_level="read_committed",
                auto_offset_reset="latest",
                enable_auto_commit=False,
                request_timeout_ms=REQUEST_TIMEOUT_MS,
            )
            try:
                await consumer.start()
                await self._read(consumer)
            except (KafkaError, OSError) as error:
                log.warning("replies are read anew: %r", error)
            finally:
                self._reading.clear()
                await let_go(consumer.stop())
            await asyncio.sleep(RETRY_SECONDS)

    async def wait_reading(self) -> None:
        """Return when replies are read: those to any command written from now on."""
        await self._reading.wait()

    async def is_reading(self) -> bool:
        """Say whether replies are read now."""
        return self._reading.is_set()

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        consumer.assign([self._partition])
        if self._position is None:
            # the position itself, not just the wish to be at the end, which would be looked up later
            self._position = (await consumer.end_offsets([self._partition]))[self._partition]
        consumer.seek(self._partition, self._position)
        self._reading.set()
        while True:
            batches = await consumer.getmany(timeout_ms=POLL_MS)
            for record in batches.get(self._partition, ()):
                self._take(record)
                self._position = record.offset + 1

    def _take(self, record: Any) -> None:
        correlation_id = codec.header(record.headers, "correlation-id")
        if correlation_id is None:
            return
        try:
            reply = codec.decode_reply(record.value)
        except msgspec.DecodeError:
            log.exception("a reply cannot be read, at %s offset %d", self._partition, record.offset)
            return
        self._deliver(correlation_id, reply)
