"""Dead letters in Kafka: load them from their topics, redrive them, drop them."""

from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from egress.dlq.store import DROPPED, REDRIVEN, DeadLetterEntry, DeadLetterStore
from egress.kafka.consumers import MAX_PARTITION_BYTES
from egress.kafka.producer import send_to_partition
from egress.kafka.records import OutboundRecord, record_of
from schemas import dead_letters
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import CLI_REQUEST_TIMEOUT_MS, make_consumer, make_producer
from schemas.runtime.kafka_sessions import read_to_end, started
from schemas.topics import DEAD_LETTER_TOPICS, ORDER_COMMANDS


def reader(connection: KafkaConnection, topics: Iterable[str], wait_ms: int = 500) -> AIOKafkaConsumer:
    """Return a consumer, without a group, of all dead letters of these source topics from the first on."""
    return make_consumer(
        connection,
        *(DEAD_LETTER_TOPICS[topic].name for topic in topics),
        fetch_max_wait_ms=wait_ms,
        max_partition_fetch_bytes=MAX_PARTITION_BYTES,
        request_timeout_ms=CLI_REQUEST_TIMEOUT_MS,
    )


async def load(connection: KafkaConnection, topics: Iterable[str]) -> DeadLetterStore:
    """Return the committed dead letters of these source topics; raises KafkaError."""
    store = DeadLetterStore()
    async with started(reader(connection, topics)) as consumer:
        async for raw in read_to_end(consumer):
            store.apply(record_of(raw))
    return store


class DlqSession:
    """Exclusive write access to the dead letters of one partition, from `start` to `stop`.

    Resolutions are written under the transactional id of the partition. Kafka fences the older of two
    sessions, so two operators cannot redrive the same dead letter. All methods raise KafkaError.
    """

    def __init__(self, connection: KafkaConnection, topic: str, partition: int) -> None:
        self._connection = connection
        self._topic = topic
        self._partition = partition
        self._producer = make_producer(
            connection,
            transactional_id=f"promo-dlq-{topic}-{partition}",
            request_timeout_ms=CLI_REQUEST_TIMEOUT_MS,
        )

    async def start(self) -> None:
        """Connect, and fence older sessions."""
        await self._producer.start()

    async def stop(self) -> None:
        """Close the connection."""
        await self._producer.stop()

    async def load(self) -> DeadLetterStore:
        """Return the dead letters of the topic, with all that earlier sessions have committed."""
        return await load(self._connection, [self._topic])

    async def drop(self, entry: DeadLetterEntry, note: str) -> None:
        """Mark a dead letter as dropped, with the reason of the person who does so."""
        async with self._producer.transaction():
            await self._resolve(entry, DROPPED, note)

    async def redrive(self, entries: Sequence[DeadLetterEntry]) -> None:
        """Append the records, with their values, to their source topic and mark the dead letters as redriven.

        All writes are one transaction, except for `order.commands`: the end of a transaction leaves a gap
        in the offsets, which the stream would take for lost commands. There the records are written first.
        After a crash between the two writes a second run writes the records again, and the stream decides
        a repeated command once.
        """
        is_command = self._topic == ORDER_COMMANDS.name
        if is_command:
            plain = make_producer(self._connection, request_timeout_ms=CLI_REQUEST_TIMEOUT_MS)
            async with started(plain):
                for entry in entries:
                    await self._append(plain, entry)
        async with self._producer.transaction():
            for entry in entries:
                if not is_command:
                    await self._append(self._producer, entry)
                await self._resolve(entry, REDRIVEN)

    async def _append(self, producer: AIOKafkaProducer, entry: DeadLetterEntry) -> None:
        marks = [(dead_letters.REDRIVEN, entry.source.mark), (dead_letters.ATTEMPTS, entry.attempts)]
        await self._write(
            producer, OutboundRecord(self._topic, entry.key, entry.value, [*entry.headers, *marks])
        )

    async def _resolve(self, entry: DeadLetterEntry, action: str, note: str = "") -> None:
        headers = [
            (dead_letters.RESOLVED, entry.source.mark),
            (dead_letters.ACTION, action.encode()),
            (dead_letters.NOTE, note.encode()),
        ]
        resolution = OutboundRecord(DEAD_LETTER_TOPICS[self._topic].name, entry.key, None, headers)
        await self._write(self._producer, resolution)

    async def _write(self, producer: AIOKafkaProducer, record: OutboundRecord) -> None:
        await (await send_to_partition(producer, self._partition, record))
