"""The exactly-once runtime of an application: its sources, and the processors of this worker's partitions."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition
from faust.types import TP
from msgspec import Struct

from schemas import metrics
from schemas.kafka_connection import KafkaConnection
from streams.exactly_once import traces
from streams.exactly_once.application import Application
from streams.exactly_once.failpoints import Failpoint, no_failpoints
from streams.exactly_once.kafka_log import KafkaLog
from streams.exactly_once.linger import Linger
from streams.exactly_once.ports import Message
from streams.exactly_once.processor import Processor
from streams.exactly_once.record_codec import FIRST_VERSION, RecordVersions
from streams.exactly_once.rocksdb_store import RocksDBStore
from streams.exactly_once.staging import StagedTable
from streams.exactly_once.standby.consumer_group import KafkaGroupMembership
from streams.exactly_once.standby.replicas import StandbyReplicas


class Source(Struct, frozen=True):
    """One input topic: its application, the tables that this writes, and their changelog."""

    topic: str
    changelog: str
    acceptances: str  # the topic in which operators accept leaps of time
    tables: dict[str, type[Any]]  # the class of the records, by name
    application: Application
    versions: Mapping[
        str, RecordVersions
    ] = {}  # of the records, by name of the table; version 1 has no entry


class RuntimeSettings(Struct, frozen=True):
    """The settings of the runtime on this worker."""

    connection: KafkaConnection
    application: str
    folder: Path  # of this worker's stores (rule 6)
    log_identity: str  # changes if the broker's log is another one
    transaction_timeout_seconds: float = 10.0
    max_batch: int = 500
    failpoint: Failpoint = no_failpoints
    member: str = ""  # this worker's static name in the group
    partitions: int = 0  # of every source, for standby replicas
    standby_replicas: int = 0


class ExactlyOnceRuntime:
    """The processors of the partitions that this worker has been assigned."""

    def __init__(self, settings: RuntimeSettings) -> None:
        self.settings = settings
        self.sources: dict[str, Source] = {}
        self._processors: dict[TP, Processor] = {}
        self._running: dict[TP, asyncio.Task[None]] = {}
        self._standbys: dict[str, StandbyReplicas] = {}
        self._linger = Linger()

    def add(self, source: Source) -> None:
        """Register a source, before the application starts."""
        self.sources[source.topic] = source
        if self.settings.standby_replicas and self.settings.member:
            self._standbys[source.topic] = self._new_standbys(source)

    async def warm_up(self) -> None:
        """Bring standby replicas up to date, before this worker joins the group."""
        for standbys in self._standbys.values():
            await standbys.warm_up()

    def owns(self, tp: TP) -> bool:
        """Return True if the runtime processes this partition's messages, on whichever worker."""
        return tp.topic in self.sources

    def partitions(self) -> list[TP]:
        """Return the partitions that this worker is processing."""
        return list(self._running)

    def position(self, tp: TP) -> int | None:
        """Return the next input offset of a partition that this worker is processing; None for another one."""
        processor = self._processors.get(tp)
        return processor.position.offset if processor and tp in self._running else None

    def offset_to_commit(self, tp: TP) -> int | None:
        """Return the position unless it is not trusted: the group's offset may be all that shows a lost state."""
        processor = self._processors.get(tp)
        return self.position(tp) if processor and processor.is_trusted else None

    def feed(self, tp: TP, records: Sequence[Any]) -> bool:
        """Queue fetched records; return True if the partition's queue is full."""
        if tp not in self._running:
            return False
        return self._processors[tp].feed(
            Message(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers) for r in records
        )

    async def stop(self) -> None:
        """Finish every open transaction, and begin none."""
        for tp in self._running:
            self._processors[tp].stop()
        running, self._running = self._running, {}
        if running:
            await asyncio.wait(running.values())

    async def take_over(
        self, tps: set[TP], rewind: Callable[[TP, int], None], resume_fetching: Callable[[TP], None]
    ) -> dict[TP, int]:
        """Become the writer of these partitions, and close all others; return the position of each.

        Nothing is processed before `start`. Raises RecoveryFailedError.
        """
        await self.stop()
        for standbys in self._standbys.values():
            await standbys.stop()
        for tp in [tp for tp in self._processors if tp not in tps]:
            await self._processors.pop(tp).close()
        for tp in tps - self._processors.keys():
            self._processors[tp] = self._new_processor(tp, rewind, resume_fetching)
        positions = await asyncio.gather(*(self._processors[tp].take_over() for tp in tps))
        return {tp: position.offset for tp, position in zip(tps, positions, strict=True)}

    def start(self, crash: Callable[[BaseException], None]) -> None:
        """Process the partitions that were taken over; `crash` is called if one cannot be recovered."""
        for tp, processor in self._processors.items():
            task = asyncio.create_task(processor.run(), name=f"exactly-once {processor.name}")
            task.add_done_callback(lambda t: _report(t, crash))
            self._running[tp] = task
        for topic, standbys in self._standbys.items():
            standbys.start(tp.partition for tp in self._processors if tp.topic == topic)
        metrics.ready.set(1)

    async def close(self) -> None:
        """Stop, and close every log and store."""
        await self.stop()
        for standbys in self._standbys.values():
            await standbys.stop()
        for processor in self._processors.values():
            await processor.close()
        self._processors.clear()

    def _new_processor(
        self, tp: TP, rewind: Callable[[TP, int], None], resume_fetching: Callable[[TP], None]
    ) -> Processor:
        source = self.sources[tp.topic]
        store = self._store(tp)
        return Processor(
            name=f"{tp.topic}-{tp.partition}",
            log_of_partition=self._log(tp),
            store=store,
            tables={
                name: StagedTable(name, record, store, source.versions.get(name, FIRST_VERSION))
                for name, record in source.tables.items()
            },
            application=source.application,
            changelog=source.changelog,
            log_identity=self.settings.log_identity,
            max_batch=self.settings.max_batch,
            linger=self._linger,
            failpoint=self.settings.failpoint,
            rewind=lambda offset: rewind(tp, offset),
            on_drained=lambda: resume_fetching(tp),
            on_committed=traces.record_committed,
        )

    def _new_standbys(self, source: Source) -> StandbyReplicas:
        settings = self.settings

        def open_replica(partition: int) -> tuple[KafkaLog, RocksDBStore]:
            tp = TP(source.topic, partition)
            return self._log(tp), self._store(tp)

        group = KafkaGroupMembership(settings.connection, settings.application, source.topic)
        return StandbyReplicas(
            settings.member,
            range(settings.partitions),
            settings.standby_replicas,
            group,
            open_replica,
            settings.log_identity,
        )

    def _log(self, tp: TP) -> KafkaLog:
        return KafkaLog(
            self.settings.connection,
            self.settings.application,
            TopicPartition(tp.topic, tp.partition),
            self.sources[tp.topic].changelog,
            self.sources[tp.topic].acceptances,
            self.settings.transaction_timeout_seconds,
        )

    def _store(self, tp: TP) -> RocksDBStore:
        return RocksDBStore(self.settings.folder / f"{tp.topic}-{tp.partition}")


def _report(task: "asyncio.Task[None]", crash: Callable[[BaseException], None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        crash(error)
