"""The Kafka producer of commands and push subscriptions: idempotent, and replaced after a fatal error."""

import asyncio
import contextlib
from collections.abc import Callable

from aiokafka import AIOKafkaProducer

from ingress.http.problems import Unavailable
from schemas import codec
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import make_producer
from schemas.runtime.reconnect import CONNECTION_ERRORS, MAX_URGENT_DELAY_SECONDS, run_reconnecting
from schemas.topics import ORDER_COMMANDS

#: Longest wait for a write, in seconds; then the client gets a 503, and may repeat the request with its key.
WRITE_TIMEOUT_SECONDS = 4.0
#: Producers that one record is tried with; the second, because the first may have failed before.
MAX_ATTEMPTS = 2
#: Longest wait for a producer to flush and stop, in seconds.
STOP_TIMEOUT_SECONDS = 2.0
#: Bound on one batch of one partition, in bytes.
MAX_BATCH_BYTES = 256 * 1024


class KafkaRecordProducer:
    """Writes records with `acks=all`; the producer's own retries never write a record twice."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._producer: AIOKafkaProducer | None = None
        #: Set while records can be written.
        self.connected = asyncio.Event()
        self._failed: asyncio.Future[None] | None = None  # gets the error that ends the producer

    async def run(self) -> None:
        """Keep a working producer until cancelled."""
        await run_reconnecting("command producer", self._session, max_delay_seconds=MAX_URGENT_DELAY_SECONDS)

    async def is_reachable(self) -> bool:
        """Return True if the broker answers now."""
        if self._producer is None:
            return False
        try:
            await self._producer.client.fetch_all_metadata()
        except CONNECTION_ERRORS:
            return False
        return True

    async def send(self, topic: str, key: bytes, value: bytes, headers: codec.Headers) -> None:
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_SECONDS):
                for _ in range(MAX_ATTEMPTS):
                    if await self._send_once(topic, key, value, headers):
                        return
        except TimeoutError:
            pass
        raise Unavailable()

    async def _send_once(self, topic: str, key: bytes, value: bytes, headers: codec.Headers) -> bool:
        if (producer := self._producer) is None:
            await self.connected.wait()
            return await self._send_once(topic, key, value, headers)
        try:
            written = await producer.send(topic, value, key=key, headers=headers)
            await written
        except CONNECTION_ERRORS as error:
            # An idempotent producer retries what can be retried. An error that it raises has broken its sequence,
            # or the producer itself. The next producer may write the command a second time; its key makes sure that
            # it is decided once.
            self._discard(producer, error)
            return False
        return True

    def _discard(self, producer: AIOKafkaProducer, error: Exception) -> None:
        if producer is not self._producer or self._failed is None:
            return
        self._producer = None
        self.connected.clear()
        if not self._failed.done():  # the session may have been cancelled
            self._failed.set_exception(error)

    async def _session(self, connected: Callable[[], None]) -> None:
        producer = make_producer(self._connection, max_batch_size=MAX_BATCH_BYTES)
        self._failed = asyncio.get_running_loop().create_future()
        try:
            await producer.start()
            await producer.partitions_for(ORDER_COMMANDS.name)
            self._producer = producer
            self.connected.set()
            connected()
            await self._failed
        finally:
            await _stop(producer)


async def _stop(producer: AIOKafkaProducer) -> None:
    """Let the producer flush for at most `STOP_TIMEOUT_SECONDS`, then abort it."""
    try:
        await asyncio.wait_for(producer.stop(), STOP_TIMEOUT_SECONDS)
    except (*CONNECTION_ERRORS, TimeoutError):
        # aiokafka's stop waits for a broker that may be down, and leaves its sender task running
        sender = producer._sender.sender_task
        if sender is not None:
            sender.cancel()
            with contextlib.suppress(*CONNECTION_ERRORS, asyncio.CancelledError):
                await sender
        await producer.client.close()
