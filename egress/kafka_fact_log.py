"""The fact log in Kafka: a member of the group that projects."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError

from egress.fact_log import GROUP, Reassigned, Record
from egress.positions import Partition
from schemas.letting_go import let_go
from schemas.settings import Settings
from schemas.topics import FACT_TOPICS, WATERMARKS

log = logging.getLogger(__name__)

TOPICS = [*(topic.name for topic in FACT_TOPICS.values()), WATERMARKS.name]

#: Most records in one batch, and how long to wait for the first, in milliseconds.
MAX_RECORDS = 2_000
POLL_MS = 200
#: How long the broker lets facts gather for an answer, in milliseconds, and how many bytes are enough.
GATHER_MS = 50
ENOUGH_BYTES = 65_536
#: Longest silence of a broker on one request, in milliseconds; more than a fetch waits for data.
REQUEST_TIMEOUT_MS = 5_000
#: A batch may wait for Redis as long as this, in milliseconds, before the partitions go to others.
MAX_POLL_MS = 3_600_000
#: The committed offset is a hint for lag tools; it is not worth more than this, in seconds.
COMMIT_SECONDS = 1.0
#: How long to wait to be told the ends of partitions, in seconds.
ENDS_SECONDS = 1.0


class KafkaFactLog:
    """Reads the fact topics and the watermarks as a member of the group.

    Partition p of every topic goes to the same member (range assignment, equal partition counts),
    so one member knows when all of p is projected.
    """

    def __init__(self, settings: Settings) -> None:
        """Take the settings; `start` connects."""
        session_ms = int(settings.session_timeout_seconds * 1000)
        self._consumer = _consumer(
            settings,
            group_id=GROUP,
            group_instance_id=settings.instance or None,
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 4,
            request_timeout_ms=max(REQUEST_TIMEOUT_MS, session_ms + 1000),
            max_poll_interval_ms=MAX_POLL_MS,
            partition_assignment_strategy=(RangePartitionAssignor,),
            **gathering(GATHER_MS),
        )
        self._reassigned = False

    async def start(self) -> None:
        """Join the group; raises KafkaError."""
        self._consumer.subscribe(TOPICS, listener=_Listener(self._on_assigned))
        await self._consumer.start()

    async def stop(self) -> None:
        """Leave."""
        await let_go(self._consumer.stop())

    def _on_assigned(self) -> None:
        self._reassigned = True

    def assigned(self) -> list[Partition]:
        """Return the partitions of this process, and begin a new life with them."""
        self._reassigned = False
        return [Partition(tp.topic, tp.partition) for tp in self._consumer.assignment()]

    async def beginnings(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Return the first offset of each partition; raises KafkaError."""
        return _partitions(await self._consumer.beginning_offsets(list(map(_tp, partitions))))

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int] | None:
        """Return behind which offset of each partition nothing is committed now; None: no broker says so."""
        try:
            ends = await asyncio.wait_for(
                self._consumer.end_offsets(list(map(_tp, partitions))), ENDS_SECONDS
            )
        except (KafkaError, TimeoutError):
            return None
        return _partitions(ends)

    def seek(self, positions: Mapping[Partition, int]) -> None:
        """Go on reading from these offsets; raises Reassigned."""
        self._check()
        for partition, offset in positions.items():
            self._consumer.seek(_tp(partition), offset)

    async def read(self) -> list[Record]:
        """Return the records that have come, after a moment none; raises Reassigned, KafkaError."""
        self._check()
        batches = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=MAX_RECORDS)
        self._check()
        return records_of(batches)

    async def positions(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Return the offset that each partition is read from next; raises Reassigned."""
        positions = {}
        for partition in partitions:
            self._check()
            positions[partition] = await self._consumer.position(_tp(partition))
        return positions

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """Show lag tools how far the views are."""
        offsets = {_tp(partition): offset for partition, offset in positions.items()}
        with contextlib.suppress(KafkaError, TimeoutError):
            await asyncio.wait_for(self._consumer.commit(offsets), COMMIT_SECONDS)

    def _check(self) -> None:
        if self._reassigned:
            raise Reassigned


def records_of(batches: Mapping[TopicPartition, list[Any]]) -> list[Record]:
    """Return what a consumer was given, as records of ours."""
    return [
        Record(partition, record.offset, record.value, record.key, record.headers, record.timestamp)
        for tp, records in batches.items()
        for partition in [Partition(tp.topic, tp.partition)]
        for record in records
    ]


class WholeFactLog(KafkaFactLog):
    """Reads every partition, as a member of no group: what others have of it does not change."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; `start` connects."""
        self._consumer = _consumer(settings)
        self._partitions = settings.partitions
        self._reassigned = False

    async def start(self) -> None:
        """Connect; raises KafkaError."""
        await self._consumer.start()
        self._consumer.assign([TopicPartition(t, p) for t in TOPICS for p in range(self._partitions)])

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """Tell nobody: lag tools watch the group."""


def gathering(milliseconds: int | None) -> dict[str, int]:
    """Return what makes a consumer's broker answer when so many milliseconds have passed, or there is enough."""
    return {"fetch_max_wait_ms": milliseconds, "fetch_min_bytes": ENOUGH_BYTES} if milliseconds else {}


def _consumer(settings: Settings, **more: Any) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        **more,
    )


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Tells of every rebalance, when it begins and when it is done."""

    def __init__(self, tell: Any) -> None:
        self._tell = tell

    async def on_partitions_revoked(self, revoked: Any) -> None:
        self._tell()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        self._tell()


def _tp(partition: Partition) -> TopicPartition:
    return TopicPartition(partition.topic, partition.number)


def _partitions(offsets: Mapping[TopicPartition, int]) -> dict[Partition, int]:
    return {Partition(tp.topic, tp.partition): offset for tp, offset in offsets.items()}
