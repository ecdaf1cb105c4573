"""The relay: copies commands that buckets send each other to the topic where they are decided.

An offset is committed only when the records before it are written, so every command is copied at least once. The
buckets recognise repeats, by the numbers of their requests and by the keys of orders.
"""

import asyncio

from egress.kafka.group_worker import GroupWorker
from egress.kafka.ports import RecordSink, RecordSource
from egress.kafka.records import OutboundRecord
from schemas.topics import ORDER_COMMANDS

#: Commands in one write.
MAX_RECORDS = 1_000
#: Between two commits, in seconds.
COMMIT_INTERVAL_SECONDS = 0.5


class Relay(GroupWorker):
    """Copies the commands of this process's partitions unchanged. A record without a value is no command."""

    name = "bucket relay"

    def __init__(self, source: RecordSource, sink: RecordSink) -> None:
        super().__init__(source, COMMIT_INTERVAL_SECONDS)
        self._sink = sink

    async def _step(self) -> None:
        records = await self._source.read(MAX_RECORDS)
        copies = [
            OutboundRecord(ORDER_COMMANDS.name, record.key, record.value, list(record.headers))
            for record in records
            if record.value is not None
        ]
        await asyncio.shield(self._sink.write(copies))
        for record in records:
            self._offsets.start(record)
            self._offsets.done(record)
