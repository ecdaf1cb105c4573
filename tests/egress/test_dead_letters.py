"""How much lies in the dead-letter topics."""

import asyncio
import contextlib
import uuid

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete

from egress import dead_letters
from schemas import metrics
from schemas.settings import Settings
from schemas.topics import Topic


def shown(topic: str) -> float:
    return float(metrics.dead_letters.labels(topic)._value.get())


async def test_records_are_counted_and_markers_and_deleted_records_are_not(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contract: `promo_dlq_depth{topic}`; offsets alone would count each transaction as one more."""
    topic = f"depth-{uuid.uuid4().hex[:8]}.dlq"
    monkeypatch.setattr(dead_letters, "DEAD_LETTER_TOPICS", (Topic(topic, "", ""),))
    monkeypatch.setattr(dead_letters, "MEASURE_SECONDS", 0.05)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 2, 1)])
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=topic)
    await producer.start()
    counting = asyncio.ensure_future(dead_letters.run(Settings(kafka_bootstrap_servers=kafka, partitions=2)))
    try:
        for number in range(3):
            async with producer.transaction():
                await producer.send_and_wait(topic, b"x", partition=number % 2)
        await until(topic, 3)
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=2)})
        await until(topic, 2)
    finally:
        counting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await counting
        await producer.stop()
        await admin.close()


async def until(topic: str, depth: int) -> None:
    async with asyncio.timeout(20):
        while shown(topic) != depth:
            await asyncio.sleep(0.02)
