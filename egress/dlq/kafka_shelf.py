"""The shelf in Kafka: dead-letter topics read whole, letters put back, letters marked as done."""

from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from egress.dlq.shelf import DROPPED, REDRIVEN, Entry, Shelf, mark, put_back
from egress.kafka_fact_log import records_of
from schemas.codec import Headers
from schemas.letting_go import let_go
from schemas.topics import DEAD_LETTER_TOPICS, ORDER_COMMANDS

#: Longest silence of a broker on one request, in milliseconds; more than a fetch waits for data.
REQUEST_TIMEOUT_MS = 10_000
#: The topic that each dead-letter topic is of.
SOURCES = {dead.name: source for source, dead in DEAD_LETTER_TOPICS.items()}


def reader(bootstrap_servers: str, topics: Iterable[str], wait_ms: int = 500) -> AIOKafkaConsumer:
    """Return a consumer of all dead letters of these topics, from the first on; it is in no group."""
    return AIOKafkaConsumer(
        *(DEAD_LETTER_TOPICS[topic].name for topic in topics),
        bootstrap_servers=bootstrap_servers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=wait_ms,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )


async def read(bootstrap_servers: str, topics: Iterable[str]) -> Shelf:
    """Return what the dead-letter topics of these topics hold now; raises KafkaError."""
    shelf = Shelf()
    consumer = reader(bootstrap_servers, topics)
    try:
        await consumer.start()
        partitions = consumer.assignment()
        ends = await consumer.end_offsets(partitions)
        while [tp for tp in partitions if await consumer.position(tp) < ends[tp]]:
            for record in records_of(await consumer.getmany(timeout_ms=200)):
                shelf.take(SOURCES[record.partition.topic], record)
        return shelf
    finally:
        await let_go(consumer.stop())


class Bench:
    """Where one partition's dead letters are worked on; whoever comes later locks the earlier one out.

    All marks are written under the transactional id of the partition, so of two who redrive at once one is
    fenced. Raises KafkaError throughout.
    """

    def __init__(self, bootstrap_servers: str, topic: str, partition: int) -> None:
        """Take the place; `async with` connects, and locks others out."""
        self._bootstrap_servers = bootstrap_servers
        self._topic = topic
        self._dead = DEAD_LETTER_TOPICS[topic].name
        self._partition = partition
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap_servers,
            transactional_id=f"promo-dlq-{topic}-{partition}",
            acks="all",
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )

    async def __aenter__(self) -> "Bench":
        await self._producer.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await let_go(self._producer.stop())

    async def shelf(self) -> Shelf:
        """Return what the topic's shelf holds: all that anybody before us has committed."""
        return await read(self._bootstrap_servers, [self._topic])

    async def drop(self, entry: Entry) -> None:
        """Mark the letter as done, and do nothing else."""
        async with self._producer.transaction():
            await self._write(self._producer, self._dead, entry.key, None, mark(entry.place, DROPPED))

    async def put_back(self, entry: Entry, value: bytes | None) -> None:
        """Write the record to its topic again, behind all that stands there now, and mark the letter as done.

        Both in one transaction; but `order.commands`, whose reader takes a gap in the offsets, such as the
        end of a transaction leaves, for lost commands. There the record comes first and the mark after it:
        a crash between the two lets a second run write it again, and the stream decides a command once.
        """
        if self._topic == ORDER_COMMANDS.name:
            await self._command(entry, value)
        async with self._producer.transaction():
            if self._topic != ORDER_COMMANDS.name:
                await self._write(self._producer, self._topic, entry.key, value, put_back(entry))
            await self._write(self._producer, self._dead, entry.key, None, mark(entry.place, REDRIVEN))

    async def _command(self, entry: Entry, value: bytes | None) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            enable_idempotence=True,
            acks="all",
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        await producer.start()
        try:
            await self._write(producer, self._topic, entry.key, value, put_back(entry))
        finally:
            await let_go(producer.stop())

    async def _write(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
    ) -> None:
        batch = (
            producer.create_batch()
        )  # `send` takes neither a record without key and value nor a very long one
        batch.append(key=key, value=value, timestamp=None, headers=headers)
        await (await producer.send_batch(batch, topic, partition=self._partition))
