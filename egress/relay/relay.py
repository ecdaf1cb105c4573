"""The relay: reads what buckets have to say to each other, and writes it where it is decided.

A position is kept only when what stands before it is written, so everything comes over at least once;
what comes twice, the buckets know by the numbers of their asks and by the keys of orders.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Iterable
from typing import Protocol

from egress.fact_log import Reassigned, Record
from egress.gateway.request_log import RequestLog
from egress.positions import Partition

log = logging.getLogger(__name__)

#: Commands that are written at once.
MOST = 1_000
#: Between two commits of positions, in seconds.
COMMIT_SECONDS = 0.5


class CommandSink(Protocol):
    """Where commands between buckets go."""

    def write(self, records: Iterable[Record]) -> Awaitable[None]:
        """Write them, those of one source partition in their order; returns when all are durable. Raises KafkaError."""


class Relay:
    """Carries this process's share of the commands."""

    def __init__(self, source: RequestLog, sink: CommandSink) -> None:
        """Take where they come from and where they go."""
        self._source = source
        self._sink = sink
        self._positions: dict[Partition, int] = {}
        self._committed_at = 0.0

    async def run(self) -> None:
        """Work until cancelled; raises KafkaError."""
        while True:
            try:
                await self._source.begin()
                self._positions.clear()
                while True:
                    await self._step()
            except Reassigned:
                log.info("the partitions of this process have changed")

    async def _step(self) -> None:
        records = await self._source.read(MOST)
        if records:
            await asyncio.shield(self._sink.write(records))
            self._positions |= {record.partition: record.offset + 1 for record in records}
        now = time.monotonic()
        if now >= self._committed_at + COMMIT_SECONDS:
            self._committed_at = now
            await self._source.commit(self._positions)
