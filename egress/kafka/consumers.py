"""Kafka consumers that speak our types: members of a group, and readers of every partition."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError

from egress.kafka.ports import FactSource
from egress.kafka.records import Partition, PartitionsReassigned, Record, record_of
from schemas.consumer_groups import PROJECTION, ConsumerGroup
from schemas.kafka_connection import KafkaConnection
from schemas.runtime.kafka_clients import REQUEST_TIMEOUT_MS, make_consumer
from schemas.settings import Settings
from schemas.telemetry.lag import LagReporter
from schemas.timestamps import EpochMs

#: How long one read waits for the first record, in milliseconds.
POLL_MS = 200
#: A broker that lets records gather answers earlier when it has this many bytes.
GATHER_BYTES = 65_536
#: What a consumer of a group holds of one partition before it is read, in bytes; a larger batch is fetched alone.
MAX_PARTITION_BYTES = 256 << 10
#: How long a broker waits for the first record, in milliseconds: aiokafka's default.
FETCH_WAIT_MS = 500
#: A worker reads nothing while it is full. It keeps its partitions for this long, in milliseconds.
MAX_POLL_INTERVAL_MS = 86_400_000
#: The same for the projector, which reads nothing while Redis is away.
PROJECTION_POLL_INTERVAL_MS = 3_600_000
#: How long the broker lets facts gather for the projector, in milliseconds.
PROJECTION_GATHER_MS = 50
#: How long a broker may take for one answer to a reader of whole topics, in milliseconds: it may be 50 MB over a slow link.
BULK_REQUEST_TIMEOUT_MS = 40_000
#: How long the projector waits for the commit of a hint, in seconds.
COMMIT_TIMEOUT_SECONDS = 1.0


class _Consumer(FactSource):
    """An aiokafka consumer, and whether its partitions have changed."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._is_reassigned = False

    async def stop(self) -> None:
        """Close the connection."""
        await self._consumer.stop()

    def assigned(self) -> list[Partition]:
        self._is_reassigned = False
        return [Partition(tp.topic, tp.partition) for tp in self._consumer.assignment()]

    async def beginnings(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        return _by_partition(await self._consumer.beginning_offsets(list(map(_tp, partitions))))

    async def first_since(self, instant: EpochMs, partitions: Iterable[Partition]) -> dict[Partition, int]:
        # the end first: a record that arrives in between is not skipped
        ends = await self.ends(partitions)
        found = await self._consumer.offsets_for_times(dict.fromkeys(map(_tp, ends), int(instant)))
        return ends | {
            Partition(tp.topic, tp.partition): at.offset for tp, at in found.items() if at is not None
        }

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        return _by_partition(await self._consumer.end_offsets(list(map(_tp, partitions))))

    def seek(self, offsets: Mapping[Partition, int]) -> None:
        self._check_assignment()
        for partition, offset in offsets.items():
            self._consumer.seek(_tp(partition), offset)

    async def read(
        self, max_records: int | None = None, topics: Collection[str] | None = None
    ) -> list[Record]:
        self._check_assignment()
        assigned = self._consumer.assignment()
        wanted = [tp for tp in assigned if topics is not None and tp.topic in topics]
        if topics is not None and assigned and not wanted:  # aiokafka would read them all
            await asyncio.sleep(POLL_MS / 1000)
            return []
        batches = await self._consumer.getmany(*wanted, timeout_ms=POLL_MS, max_records=max_records)
        self._check_assignment()
        return [record_of(raw) for records in batches.values() for raw in records]

    async def positions(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        positions = {}
        for partition in partitions:
            self._check_assignment()
            positions[partition] = await self._consumer.position(_tp(partition))
        return positions

    async def has_reached(self, offsets: Mapping[Partition, int]) -> bool:
        """Return True if every record before these offsets was read; raises PartitionsReassigned."""
        positions = await self.positions(offsets)
        return all(positions[partition] >= offset for partition, offset in offsets.items())

    def _check_assignment(self) -> None:
        if self._is_reassigned:
            raise PartitionsReassigned

    def _on_rebalance(self) -> None:
        self._is_reassigned = True


class GroupConsumer(_Consumer):
    """Reads this process's partitions as a member of a group, from the offsets that the group has committed."""

    def __init__(
        self,
        settings: Settings,
        group: ConsumerGroup,
        topics: Sequence[str] | None = None,
        *,
        newest_seconds: float | None = None,
        gather_ms: int | None = None,
        assignor: type[Any] = RoundRobinPartitionAssignor,
        max_poll_interval_ms: int = MAX_POLL_INTERVAL_MS,
    ) -> None:
        """Create a consumer that is not connected.

        Args:
            topics: those of the group's topics to read; None: all.
            newest_seconds: where the group has committed nothing, begin with the records of the last so many seconds;
                None: with the first record.
            gather_ms: how long the broker lets records gather, since an answer costs it more than a record.
            assignor: aiokafka's class that spreads the partitions over the members.
            max_poll_interval_ms: time without a read after which the partitions go to other members.
        """
        session_ms = int(settings.session_timeout_seconds * 1000)
        super().__init__(
            make_consumer(
                settings.kafka,
                group_id=group.name,
                group_instance_id=settings.instance or None,
                session_timeout_ms=session_ms,
                heartbeat_interval_ms=session_ms // 4,
                request_timeout_ms=max(REQUEST_TIMEOUT_MS, session_ms + 1000),
                max_poll_interval_ms=max_poll_interval_ms,
                partition_assignment_strategy=(assignor,),
                max_partition_fetch_bytes=MAX_PARTITION_BYTES,
                fetch_max_wait_ms=gather_ms or FETCH_WAIT_MS,
                fetch_min_bytes=GATHER_BYTES if gather_ms else 1,
            )
        )
        self._topics = group.topics if topics is None else topics
        self._newest_seconds = newest_seconds
        self._lag = LagReporter(group.name)

    async def start(self) -> None:
        """Join the group; raises KafkaError."""
        self._consumer.subscribe(self._topics, listener=_RebalanceListener(self._on_rebalance))
        await self._consumer.start()

    async def begin(self) -> None:
        """Seek to the committed offsets; raises PartitionsReassigned, KafkaError.

        aiokafka would seek by itself, but it drops what it had fetched before it reports a rebalance.
        """
        for partition in self.assigned():
            tp = _tp(partition)
            committed = await self._consumer.committed(tp)
            self.seek({partition: await self._first(tp) if committed is None else committed})
        self._lag.report({})

    async def _first(self, tp: TopicPartition) -> int:
        """Return the offset to begin with where the group has committed none."""
        if self._newest_seconds is None:
            return int((await self._consumer.beginning_offsets([tp]))[tp])
        since = int((time.time() - self._newest_seconds) * 1000)
        # the end first: a record that arrives between the two requests is then not skipped
        end = (await self._consumer.end_offsets([tp]))[tp]
        found = (await self._consumer.offsets_for_times({tp: since}))[tp]
        return int(end if found is None else found.offset)

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit the next offset of each partition, and report the lag behind it; a failure is ignored."""
        by_tp = {_tp(partition): offset for partition, offset in offsets.items()}
        if not by_tp:
            return
        with suppress(KafkaError):  # another member may have the partitions by now
            await self._consumer.commit(by_tp)
            own = by_tp.keys() & self._consumer.assignment()
            self._lag.report({tp: (self._consumer.last_stable_offset(tp) or 0) - by_tp[tp] for tp in own})


class ViewFactConsumer(GroupConsumer):
    """Reads facts and watermarks as a member of the projection's group, from offsets that the views keep.

    The range assignor gives partition p of every topic to the same member, since all topics have the same number of
    partitions. So one member knows when all of p is projected.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings,
            PROJECTION,
            gather_ms=PROJECTION_GATHER_MS,
            assignor=RangePartitionAssignor,
            max_poll_interval_ms=PROJECTION_POLL_INTERVAL_MS,
        )

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        by_tp = {_tp(partition): offset for partition, offset in offsets.items()}
        with suppress(KafkaError, TimeoutError):
            await asyncio.wait_for(self._consumer.commit(by_tp), COMMIT_TIMEOUT_SECONDS)


class AllPartitionsConsumer(_Consumer):
    """Reads every partition of some topics outside any group, so it takes no partition from another process."""

    def __init__(
        self, connection: KafkaConnection, topics: Iterable[str], partitions: int, **options: Any
    ) -> None:
        super().__init__(make_consumer(connection, request_timeout_ms=BULK_REQUEST_TIMEOUT_MS, **options))
        self._partitions = [TopicPartition(topic, number) for topic in topics for number in range(partitions)]

    async def start(self) -> None:
        """Connect; raises KafkaError."""
        await self._consumer.start()
        self._consumer.assign(self._partitions)

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Do nothing: there is no group to commit for."""


class _RebalanceListener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Calls back when a rebalance begins and when it is done."""

    def __init__(self, on_rebalance: Callable[[], None]) -> None:
        self._on_rebalance = on_rebalance

    async def on_partitions_revoked(self, revoked: Any) -> None:
        self._on_rebalance()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        self._on_rebalance()


def _tp(partition: Partition) -> TopicPartition:
    return TopicPartition(partition.topic, partition.number)


def _by_partition(offsets: Mapping[TopicPartition, int]) -> dict[Partition, int]:
    return {Partition(tp.topic, tp.partition): offset for tp, offset in offsets.items()}
