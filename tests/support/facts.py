"""Read topics as an outside reader does: read_committed, from the first record to the end."""

from collections.abc import Iterable
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct


class Record(Struct):
    """A record with its value decoded as plain JSON."""

    topic: str
    partition: int
    offset: int
    headers: dict[str, bytes]
    value: Any
    timestamp: float  # when it was written, in seconds since 1970


async def read(bootstrap: str, topics: Iterable[str], restaurant: str | None = None) -> list[Record]:
    """Return every committed record of these topics, each partition in its order."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", enable_auto_commit=False
    )
    await consumer.start()
    try:
        tps = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in await _partitions(consumer, topic)
        ]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        ends = await consumer.end_offsets(tps)
        found = []
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for batch in (await consumer.getmany(timeout_ms=300)).values():
                for r in batch:
                    if restaurant is not None and (r.key or b"").decode(errors="replace") != restaurant:
                        continue  # perhaps poison of another test
                    value = msgspec.json.decode(r.value) if r.value else None
                    found.append(
                        Record(r.topic, r.partition, r.offset, dict(r.headers), value, r.timestamp / 1000)
                    )
        return found
    finally:
        await consumer.stop()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[int]:
    await consumer._client._wait_on_metadata(topic)
    return sorted(consumer.partitions_for_topic(topic) or [])
