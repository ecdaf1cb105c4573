"""Kafka clients in use: one that is open for a block, and a consumer that is read to the end of its partitions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import UnknownTopicOrPartitionError

from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import make_consumer
from schemas.runtime.kafka_shutdown import close_quietly

#: How long one poll waits for records, in milliseconds.
POLL_MS = 200


class Startable(Protocol):
    """A client of aiokafka, or what has one."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


S = TypeVar("S", bound=Startable)


@asynccontextmanager
async def started(client: S) -> AsyncIterator[S]:
    """Start a client for the block, and close it in any state: also one that could not start. Raises KafkaError."""
    try:
        await client.start()
        yield client
    finally:
        await close_quietly(client.stop())


async def require_topic(consumer: AIOKafkaConsumer, topic: str) -> None:
    """Raise UnknownTopicOrPartitionError, a KafkaError, if the topic does not exist.

    A consumer that is assigned such a topic asks for it hundreds of times a second, and logs each answer.
    """
    if topic not in await consumer.topics():
        raise UnknownTopicOrPartitionError(topic)


async def read_to_end(consumer: AIOKafkaConsumer) -> AsyncIterator[Any]:
    """Yield the records from the positions of a started consumer to the ends that its partitions have now.

    Raises KafkaError.
    """
    partitions = consumer.assignment()
    ends = await consumer.end_offsets(partitions)
    while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
        for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
            for record in records:
                yield record


async def has_had_records(connection: KafkaConnection, topic: str) -> bool:
    """Return True if a record was ever written to a topic, also one that was deleted since. Raises KafkaError."""
    async with started(make_consumer(connection)) as consumer:
        if topic not in await consumer.topics():
            return False
    async with started(make_consumer(connection, topic)) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
    return any(ends.values())
