"""The transactional log on a real broker, by aiokafka."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    IllegalOperation,
    InvalidProducerEpoch,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    RecordListTooLargeError,
    UnknownTopicOrPartitionError,
)

from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import make_admin_client, make_consumer, make_producer
from schemas.runtime.kafka_requests import fetch_topic_metadata
from schemas.runtime.kafka_shutdown import close_quietly
from streams.exactly_once.clock_guard import LeapAcceptance, latest_acceptance
from streams.exactly_once.ports import (
    FencedError,
    LogIncompleteError,
    LogTruncatedError,
    Output,
    StateChanges,
    TooLargeError,
)
from streams.exactly_once.topic_ids import TopicIds

#: What aiokafka raises in a fenced producer; IllegalOperation if it was fenced between two sends of a transaction.
FENCED_ERRORS = (ProducerFenced, InvalidProducerEpoch, OutOfOrderSequenceNumber, IllegalOperation)
#: What the broker raises for a batch that is larger than its topic takes.
SIZE_ERRORS = (MessageSizeTooLargeError, RecordListTooLargeError)
#: After this long the outcome of a transaction's step counts as unknown.
STEP_TIMEOUT_SECONDS = 10.0
#: Records for one partition in one request; the broker accepts a little over 1 MB.
MAX_REQUEST_BYTES = 900_000


class KafkaLog:
    """The log of one source partition, with one producer whose transactional id names the partition (rule 1)."""

    def __init__(
        self,
        connection: KafkaConnection,
        application: str,
        source: TopicPartition,
        changelog_topic: str,
        acceptances_topic: str,
        transaction_timeout_seconds: float,
    ) -> None:
        self._connection = connection
        self._group = application
        self._transactional_id = f"{application}-{source.topic}-{source.partition}"
        self._source = source
        self._changelog = TopicPartition(changelog_topic, source.partition)
        self._acceptances = TopicPartition(acceptances_topic, source.partition)
        self._transaction_timeout_ms = int(transaction_timeout_seconds * 1000)
        self._producer: AIOKafkaProducer | None = None

    async def fence(self) -> None:
        """Start a new producer: the broker aborts the transaction of the previous one, and shuts it out."""
        await self.close()
        producer = make_producer(
            self._connection,
            transactional_id=self._transactional_id,
            client_id=self._transactional_id,
            transaction_timeout_ms=self._transaction_timeout_ms,
            max_batch_size=MAX_REQUEST_BYTES,
            request_timeout_ms=int(STEP_TIMEOUT_SECONDS * 1000),
        )
        self._producer = producer
        async with asyncio.timeout(STEP_TIMEOUT_SECONDS):
            await producer.start()

    async def begin(self) -> None:
        """Open a transaction; the broker learns of it with the first record."""
        await self._open_producer().begin_transaction()

    async def produce(self, outputs: Sequence[Output], changes: StateChanges) -> int:
        """Write outputs and changelog in requests that are as full as possible, one partition after the other."""
        producer = self._open_producer()
        by_partition: dict[TopicPartition, list[Output]] = {}
        for output in outputs:
            by_partition.setdefault(TopicPartition(output.topic, output.partition), []).append(output)
        topic, partition = self._changelog
        by_partition[self._changelog] = [Output(topic, partition, k, v, ()) for k, v in changes.items()]
        batches = [(t, batch) for t, records in by_partition.items() for batch in _batches(producer, records)]
        try:
            async with asyncio.timeout(STEP_TIMEOUT_SECONDS):
                sent = [await producer.send_batch(b, t.topic, partition=t.partition) for t, b in batches]
                written = await asyncio.gather(*sent)
        except SIZE_ERRORS as error:
            raise TooLargeError(str(error)) from error
        except FENCED_ERRORS as error:
            raise FencedError(self._transactional_id) from error
        _, last_batch = batches[-1]  # the changelog is last
        return int(written[-1].offset) + int(last_batch.record_count())

    async def commit(self) -> None:
        """Commit; the outcome is known only if this returns, or raises FencedError."""
        try:
            async with asyncio.timeout(STEP_TIMEOUT_SECONDS):
                await self._open_producer().commit_transaction()
        except FENCED_ERRORS as error:
            raise FencedError(self._transactional_id) from error

    async def replay(self, offset: int) -> AsyncIterator[tuple[StateChanges, int]]:
        """Read the changelog from `offset` to its end, `read_committed`.

        After `fence` the partition has no open transaction, so everything up to its end is committed.
        """
        async with _read(self._connection, self._changelog) as consumer:
            end = (await consumer.end_offsets([self._changelog]))[self._changelog]
            begin = (await consumer.beginning_offsets([self._changelog]))[self._changelog]
            if offset > end:
                raise LogTruncatedError(f"{self._changelog}: {offset} is past the end, {end}")
            if offset < begin:
                raise LogIncompleteError(f"{self._changelog} begins at {begin}; what came before is lost")
            position = offset
            consumer.seek(self._changelog, position)
            while position < end:
                records = await consumer.getmany(timeout_ms=200, max_records=10_000)
                changes = {r.key: r.value for batch in records.values() for r in batch}
                position = await consumer.position(self._changelog)
                yield changes, position

    async def topic_ids(self) -> TopicIds:
        """Ask any broker, through the producer if there is one."""
        if self._producer is not None:
            return await self._fetch_ids(self._producer.client)
        async with _read(self._connection, self._changelog) as consumer:
            return await self._fetch_ids(consumer._client)

    async def _fetch_ids(self, client: AIOKafkaClient) -> TopicIds:
        names = (self._source.topic, self._changelog.topic)
        async with asyncio.timeout(STEP_TIMEOUT_SECONDS):
            topics = (await fetch_topic_metadata(client, names))["topics"]
        for name in names:
            if name not in topics:
                raise UnknownTopicOrPartitionError(name)
        return TopicIds(*(topics[name]["topic_id"] for name in names))

    async def committed_input(self) -> int:
        """Ask the coordinator of the group that has the application's name."""
        admin = make_admin_client(self._connection, request_timeout_ms=int(STEP_TIMEOUT_SECONDS * 1000))
        try:
            async with asyncio.timeout(STEP_TIMEOUT_SECONDS):
                await admin.start()
                offsets = await self._list_offsets(admin)
        finally:
            await admin.close()
        return max((one.offset for one in offsets.values() if one.offset > 0), default=0)  # -1: none

    async def _list_offsets(self, admin: AIOKafkaAdminClient) -> dict[TopicPartition, Any]:
        while True:
            try:
                offsets = await admin.list_consumer_group_offsets(self._group, partitions=[self._source])
            except GroupCoordinatorNotAvailableError:  # the first question makes the topic of offsets
                await asyncio.sleep(0.1)
            else:
                return dict(offsets)

    async def source_bounds(self) -> tuple[int, int]:
        """Ask the broker."""
        async with _read(self._connection, self._source) as consumer:
            begin = (await consumer.beginning_offsets([self._source]))[self._source]
            end = (await consumer.end_offsets([self._source]))[self._source]
            return begin, end

    async def first_input(self, offset: int) -> int | None:
        """Return the offset of the first input at or after `offset`, by reading the source."""
        async with _read(self._connection, self._source) as consumer:
            consumer.seek(self._source, offset)
            records = await consumer.getmany(timeout_ms=2_000, max_records=1)
            return next((int(r.offset) for batch in records.values() for r in batch), None)

    async def accepted_leap(self, offset: int) -> LeapAcceptance | None:
        """Read the operators' acceptances, which are few."""
        values: list[bytes] = []
        async with _read(self._connection, self._acceptances) as consumer:
            end = (await consumer.end_offsets([self._acceptances]))[self._acceptances]
            await consumer.seek_to_beginning(self._acceptances)
            while await consumer.position(self._acceptances) < end:
                records = await consumer.getmany(timeout_ms=200, max_records=1_000)
                values.extend(r.value for batch in records.values() for r in batch if r.value is not None)
        return latest_acceptance(values, offset)

    async def close(self) -> None:
        """Close the producer; the next `fence`, or the broker's timeout, aborts an open transaction."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        ended = producer._txn_manager.wait_for_transaction_end()
        if ended is not None and ended.done():
            ended.exception()  # already handled; asyncio would log it as never retrieved
        await close_quietly(producer.stop())

    def _open_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise FencedError(f"{self._transactional_id}: not fenced yet")
        return self._producer


@asynccontextmanager
async def _read(connection: KafkaConnection, partition: TopicPartition) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer of one partition, without a group, that reads only committed records."""
    consumer = make_consumer(
        connection, request_timeout_ms=int(STEP_TIMEOUT_SECONDS * 1000), fetch_max_wait_ms=50
    )
    try:
        async with asyncio.timeout(STEP_TIMEOUT_SECONDS):
            await consumer.start()
        consumer.assign([partition])
        yield consumer
    finally:
        await close_quietly(consumer.stop())


def _batches(producer: AIOKafkaProducer, records: list[Output]) -> list[Any]:
    batches = []
    builder = producer.create_batch()
    for record in records:
        arguments = {
            "key": record.key,
            "value": record.value,
            "timestamp": None,
            "headers": list(record.headers),
        }
        if builder.append(**arguments) is None:  # full
            batches.append(builder)
            builder = producer.create_batch()
            builder.append(**arguments)  # the first record of a batch always fits
    batches.append(builder)
    return batches
