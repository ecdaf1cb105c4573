"""The way from one region to another: a relay over a line that takes time, and may be cut."""

import asyncio
from collections.abc import Iterable

from egress.fact_log import Record
from egress.kafka_group_log import KafkaGroupLog
from egress.relay.kafka_sink import KafkaSink
from egress.relay.relay import Relay
from schemas import settings
from schemas.topics import BUCKET_COMMANDS


class Line:
    """A sink at the other end: what is written comes there later, and while the line is cut not at all."""

    def __init__(self, sink: KafkaSink, one_way_seconds: float, whole: asyncio.Event) -> None:
        self._sink = sink
        self._one_way_seconds = one_way_seconds
        self._whole = whole
        self.carried = 0

    async def write(self, records: Iterable[Record]) -> None:
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
        self._source = KafkaGroupLog(settings.read(named), "replicator", [BUCKET_COMMANDS.name])
        self._sink = KafkaSink(target)
        self.line = Line(self._sink, one_way_seconds, whole)

    async def run(self) -> None:
        """Work."""
        await self._sink.start()
        await self._source.start()
        try:
            await Relay(self._source, self.line).run()
        finally:
            await self._source.stop()
            await self._sink.stop()
