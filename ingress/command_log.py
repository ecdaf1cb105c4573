"""The command log in Kafka: one idempotent producer, replaced when it has died."""

import asyncio
import contextlib
import logging

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from ingress.problems import Unavailable
from schemas import codec
from schemas.partitioner import partition
from schemas.topics import ORDER_COMMANDS

log = logging.getLogger(__name__)

#: How long a command's write may take, in seconds; past it the client is told to come back with its key.
WRITE_SECONDS = 4.0
#: Producers that one command is tried with: the second is there because the first may have been dead already.
TRIES = 2
#: Longest silence of a broker on one request, in milliseconds.
REQUEST_TIMEOUT_MS = 5_000
#: Longest a producer may take to say goodbye, in seconds.
STOP_SECONDS = 2.0
#: Between two attempts to connect, in seconds.
RECONNECT_SECONDS = 0.2
#: Bytes in one batch of one partition.
MAX_BATCH_BYTES = 256 * 1024

#: What aiokafka raises when a broker is gone: its own errors, and now and then the socket's.
GONE = (KafkaError, OSError)


class KafkaCommandLog:
    """Writes commands with acks=all, each once however often the producer tries."""

    def __init__(self, bootstrap_servers: str) -> None:
        """Take the broker's addresses; `run` connects."""
        self._bootstrap_servers = bootstrap_servers
        self._producer: AIOKafkaProducer | None = None
        self._connected = asyncio.Event()
        self._buried = asyncio.Event()

    async def run(self) -> None:
        """Keep a living producer at hand until cancelled."""
        while True:
            producer = self._producer = await self._connect()
            self._buried.clear()
            self._connected.set()
            try:
                await self._buried.wait()
            finally:
                await _stop(producer)

    async def wait_connected(self) -> None:
        """Return when commands can be written."""
        await self._connected.wait()

    async def is_reachable(self) -> bool:
        """Say whether the broker answers now."""
        if self._producer is None:
            return False
        try:
            await self._producer.client.fetch_all_metadata()
        except GONE:
            return False
        return True

    async def send(
        self, key: bytes, value: bytes, headers: codec.Headers, topic: str = ORDER_COMMANDS.name
    ) -> None:
        """Write one record, a command if nothing else is said; raises Unavailable."""
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                for _ in range(TRIES):
                    if await self._try(topic, key, value, headers):
                        return
        except TimeoutError:
            pass
        raise Unavailable()

    async def _try(self, topic: str, key: bytes, value: bytes, headers: codec.Headers) -> bool:
        if (producer := self._producer) is None:
            await self._connected.wait()
            return await self._try(topic, key, value, headers)
        try:
            written = await producer.send(topic, value, key=key, headers=headers)
            await written
        except GONE as error:
            # An idempotent producer retries what can be retried; an error that comes through has
            # broken its sequence, or the producer, for good. The next one may write the command a
            # second time: it is decided once, by its key.
            self._bury(producer, error)
            return False
        return True

    def _bury(self, producer: AIOKafkaProducer, error: Exception) -> None:
        if producer is self._producer:
            log.warning("the producer is replaced: %r", error)
            self._producer = None
            self._connected.clear()
            self._buried.set()

    async def _connect(self) -> AIOKafkaProducer:
        while True:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap_servers,
                enable_idempotence=True,
                acks="all",
                linger_ms=0,
                max_batch_size=MAX_BATCH_BYTES,
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                partitioner=partition,
            )
            try:
                await producer.start()
                await producer.partitions_for(ORDER_COMMANDS.name)
                return producer
            except GONE as error:
                log.warning("no producer yet: %r", error)
                await _stop(producer)
            except BaseException:
                await _stop(producer)
                raise
            await asyncio.sleep(RECONNECT_SECONDS)


async def _stop(producer: AIOKafkaProducer) -> None:
    """Let the producer deliver what it holds, for a moment; then end it for good."""
    try:
        await asyncio.wait_for(producer.stop(), STOP_SECONDS)
    except (*GONE, TimeoutError):
        # its own stop waits for a broker that may be gone, and leaves the sender running
        sender = producer._sender.sender_task
        if sender is not None:
            sender.cancel()
            with contextlib.suppress(*GONE, asyncio.CancelledError):
                await sender
        await producer.client.close()
