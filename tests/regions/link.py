"""The link from one region to another: a relay whose writes are delayed, and stop while the link is cut."""

import asyncio
from collections.abc import Iterable

from egress.bucket_relay.relay import Relay
from egress.kafka.consumers import GroupConsumer
from egress.kafka.producer import KafkaProducer
from egress.kafka.records import OutboundRecord
from schemas import settings
from schemas.consumer_groups import ConsumerGroup
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_sessions import started
from schemas.topics import BUCKET_COMMANDS

REPLICATOR = ConsumerGroup("replicator", (BUCKET_COMMANDS.name,), "carries commands to the other region")


class DelayedSink:
    """Writes to the other region after a delay; waits while the link is cut."""

    def __init__(self, sink: KafkaProducer, one_way_seconds: float, connected: asyncio.Event) -> None:
        self._sink = sink
        self._one_way_seconds = one_way_seconds
        self._connected = connected

    async def write(self, records: Iterable[OutboundRecord]) -> None:
        """Write the records to the other region."""
        records = list(records)
        await self._connected.wait()
        await asyncio.sleep(self._one_way_seconds)
        await self._connected.wait()
        await self._sink.write(records)


class Replicator:
    """Copies the commands of one region's buckets to the other region."""

    def __init__(self, source: str, target: str, one_way_seconds: float, connected: asyncio.Event) -> None:
        named = {"PROMO_KAFKA_BOOTSTRAP_SERVERS": source, "PROMO_ESCROW_BUCKETS": "2"}
        self._source = GroupConsumer(settings.read(named), REPLICATOR)
        self._sink = KafkaProducer(KafkaConnection(target))
        self._delayed = DelayedSink(self._sink, one_way_seconds, connected)

    async def run(self) -> None:
        """Copy until cancelled."""
        async with started(self._sink), started(self._source):
            await Relay(self._source, self._delayed).run()
