"""Deletes payment requests that are done and old. By age alone Kafka would delete a refund that is still owed.

So `payment.requests` has no retention of its own. A request goes once the payment worker is past it, and it is
KEPT_MS old.
"""

import asyncio
from collections.abc import Callable, Mapping

from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from egress.kafka.consumers import MAX_PARTITION_BYTES, AllPartitionsConsumer
from egress.kafka.records import Partition
from schemas import timestamps
from schemas.consumer_groups import PAYMENTS
from schemas.runtime.kafka_clients import make_admin_client
from schemas.runtime.kafka_sessions import started
from schemas.settings import Settings
from schemas.timestamps import EpochMs
from schemas.topics import DAY_MS, PAYMENT_REQUESTS

#: How long a request is kept at any rate: time for a person to find out what was asked of the provider.
KEPT_MS = 14 * DAY_MS
#: Between two deletions, in seconds. Every egress process deletes the same.
INTERVAL_SECONDS = 3_600.0


async def follow(settings: Settings, connected: Callable[[], None]) -> None:
    """Delete again and again until cancelled; raises KafkaError."""
    while True:
        await delete_done(settings)
        connected()
        await asyncio.sleep(INTERVAL_SECONDS)


async def delete_done(settings: Settings, kept_ms: int = KEPT_MS) -> None:
    """Delete the requests that are done and older than this; raises KafkaError."""
    consumer = AllPartitionsConsumer(
        settings.kafka,
        [PAYMENT_REQUESTS.name],
        settings.partitions,
        max_partition_fetch_bytes=MAX_PARTITION_BYTES,
    )
    async with started(consumer):
        young = await consumer.first_since(EpochMs(timestamps.wall_clock() - kept_ms), consumer.assigned())
        beginnings = await consumer.beginnings(young)
    admin = make_admin_client(settings.kafka)
    try:
        await admin.start()
        offsets = await admin.list_consumer_group_offsets(PAYMENTS.name)
        done = {Partition(tp.topic, tp.partition): committed.offset for tp, committed in offsets.items()}
        if ends := deletable(beginnings, done, young):
            await admin.delete_records(
                {TopicPartition(*partition): RecordsToDelete(end) for partition, end in ends.items()}
            )
    finally:
        await admin.close()


def deletable(
    beginnings: Mapping[Partition, int], done: Mapping[Partition, int], young: Mapping[Partition, int]
) -> dict[Partition, int]:
    """Return, of each partition that has some, the offset before which all requests are done and old."""
    ends = {partition: min(done.get(partition, 0), young[partition]) for partition in beginnings}
    return {partition: end for partition, end in ends.items() if end > beginnings[partition]}
