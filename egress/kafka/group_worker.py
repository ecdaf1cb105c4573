"""The loop of every worker on the partitions of a consumer group."""

import asyncio
import contextlib
import logging
import time
from abc import ABC, abstractmethod
from typing import ClassVar

from egress.kafka.ports import RecordSource
from egress.kafka.records import Partition, PartitionsReassigned, Record
from schemas import metrics
from schemas.codec import NewerVersionError

log = logging.getLogger(__name__)

#: Between two alarms about a record of a newer version that is held, in seconds.
HELD_INTERVAL_SECONDS = 60.0


class OffsetTracker:
    """Follows records: those of a partition start in the order of their offsets, and end in any. Pure."""

    def __init__(self) -> None:
        self._in_flight: dict[Partition, dict[int, None]] = {}  # offsets in the order of their start
        self._next: dict[Partition, int] = {}

    def start(self, record: Record) -> None:
        """Count a record as in flight."""
        self._in_flight.setdefault(record.partition, {})[record.offset] = None
        self._next[record.partition] = record.offset + 1

    def done(self, record: Record) -> None:
        """Count it as done."""
        del self._in_flight[record.partition][record.offset]

    def committable(self) -> dict[Partition, int]:
        """Return, of each partition, the first offset in flight, or the next to start: all before it are done."""
        return {at: next(iter(self._in_flight[at]), end) for at, end in self._next.items()}


class GroupWorker(ABC):
    """Works on the records of this process's partitions, from the committed offsets on.

    A subclass counts each record in `_offsets`: as started when it is read, as done when its effect is durable. Commits
    go up to the first open record of a partition. So a crash or a rebalance repeats work, and loses none.
    """

    name: ClassVar[str]  # in logs

    def __init__(self, source: RecordSource, commit_interval_seconds: float) -> None:
        self._source = source
        self._offsets = OffsetTracker()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._commit_interval_seconds = commit_interval_seconds
        self._committed_at = 0.0

    async def run(self) -> None:
        """Work until cancelled; raises KafkaError, NewerVersionError."""
        while True:
            try:
                await self._source.begin()
                while True:
                    await self._step()
                    for key in [key for key, task in self._tasks.items() if task.done()]:
                        self._tasks.pop(key).result()  # raises KafkaError: then the next session begins again
                    if (now := time.monotonic()) >= self._committed_at + self._commit_interval_seconds:
                        self._committed_at = now
                        await self._commit()
            except PartitionsReassigned:
                log.info("%s reassigned, beginning at the committed offsets", self.name)
            finally:
                await self._cancel_all()

    async def _hold(self, error: NewerVersionError) -> None:
        """Keep a record of a newer version in flight until cancelled: no commit passes it, and the records beside it go on.

        A process that knows the version reads it again. Only work that does not depend on the order is held like this.
        """
        while True:
            metrics.newer_records.labels(self.name).inc()
            log.error("%s holds a record: %s", self.name, error)
            await asyncio.sleep(HELD_INTERVAL_SECONDS)

    @abstractmethod
    async def _step(self) -> None:
        """Read some records and do their work, or begin it in `_tasks`."""

    async def _commit(self) -> None:
        await self._source.commit(self._offsets.committable())

    async def _cancel_all(self) -> None:
        """Cancel the work: its partitions may be another process's now. Those that stay are read again."""
        for task in self._tasks.values():
            task.cancel()
        for task in self._tasks.values():
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        self._tasks.clear()
        self._offsets = OffsetTracker()
