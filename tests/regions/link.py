"""The way from one region to another: a relay over a line that takes time, and may be cut."""

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


class Line:
    """A sink at the other end: what is written comes there later, and while the line is cut not at all."""

    def __init__(self, sink: KafkaProducer, one_way_seconds: float, whole: asyncio.Event) -> None:
        self._sink = sink
        self._one_way_seconds = one_way_seconds
        self._whole = whole
        self.carried = 0

    async def write(self, records: Iterable[OutboundRecord]) -> None:
        """Write to the other region; waits while the line is cut."""
        records = list(records)
        await self._whole.wait()
        await asyncio.sleep(self._one_way_seconds)
        await self._whole.wait()
        await self._sink.write(records)
        self.carried += len(records)


class Replicator:
    """Carries the commands of one region's buckets to the other, until cancelled."""

    def __init__(self, source: str, target: str, one_way_seconds: float, whole: asyncio.Event) -> None:
        named = {"PROMO_KAFKA_BOOTSTRAP_SERVERS": source, "PROMO_ESCROW_BUCKETS": "2"}
        self._source = GroupConsumer(settings.read(named), REPLICATOR)
        self._sink = KafkaProducer(KafkaConnection(target))
        self.line = Line(self._sink, one_way_seconds, whole)

    async def run(self) -> None:
        """Work."""
        async with started(self._sink), started(self._source):
            await Relay(self._source, self.line).run()
