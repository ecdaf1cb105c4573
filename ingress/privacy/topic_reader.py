"""Messages of a topic, from its first record to its current end, for the commands of an operator."""

from collections.abc import AsyncGenerator
from typing import TypeVar

import msgspec

from schemas import codec
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import CLI_REQUEST_TIMEOUT_MS, make_consumer
from schemas.runtime.kafka_sessions import read_to_end, started
from schemas.timestamps import EpochMs
from schemas.topics import Topic

T = TypeVar("T")


async def read_messages(
    connection: KafkaConnection, topic: Topic, cls: type[T]
) -> AsyncGenerator[tuple[T, EpochMs], None]:
    """Yield the messages of a class, each with its record's time; raises KafkaError, NewerVersionError.

    Unreadable ones are left out.
    """
    event_type = codec.EVENT_TYPES[cls].encode()
    consumer = make_consumer(connection, topic.name, request_timeout_ms=CLI_REQUEST_TIMEOUT_MS)
    async with started(consumer):
        async for record in read_to_end(consumer):
            if codec.header(record.headers, "event-type") != event_type or record.value is None:
                continue
            try:
                codec.require_known_version(record.headers)
                message = codec.decode(cls, record.value)
            except (msgspec.DecodeError, ValueError):
                continue  # its reader has written a dead letter
            yield message, EpochMs(record.timestamp)
