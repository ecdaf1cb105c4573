"""What egress writes to Kafka."""

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer

from egress.kafka.decoding import RestaurantMessage
from egress.kafka.ports import RecordSink
from egress.kafka.records import OutboundRecord
from schemas import codec
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import make_producer


def encode(topic: str, message: RestaurantMessage, event_id: str, traceparent: bytes) -> OutboundRecord:
    """Return the record of a message, keyed by its restaurant. Copies of a message must have the same event id."""
    headers = codec.headers(type(message), event_id, traceparent)
    return OutboundRecord(topic, message.restaurant_id.encode(), codec.encode(message), headers)


class KafkaProducer(RecordSink):
    """Writes to Kafka without transactions: the stream would take their markers for lost commands."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._producer = make_producer(connection)

    async def start(self) -> None:
        """Connect; raises KafkaError."""
        await self._producer.start()

    async def stop(self) -> None:
        """Close the connection."""
        await self._producer.stop()

    async def write(self, records: Iterable[OutboundRecord]) -> None:
        sent = [await self._producer.send(r.topic, r.value, r.key, headers=r.headers) for r in records]
        await asyncio.gather(*sent)


async def send_to_partition(
    producer: AIOKafkaProducer, number: int, record: OutboundRecord
) -> "asyncio.Future[object]":
    """Send a record to this partition, whatever its key; return its acknowledgement. Raises KafkaError."""
    batch = producer.create_batch()  # `send` rejects records without key and value, and very long ones
    batch.append(key=record.key, value=record.value, timestamp=None, headers=record.headers)
    sent: asyncio.Future[object] = await producer.send_batch(batch, record.topic, partition=number)
    return sent
