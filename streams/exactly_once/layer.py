"""The layer of one application: its sources, their functions and tables, and the processors of this worker."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition
from faust.types import TP
from msgspec import Struct

from schemas import metrics
from streams.exactly_once import traces
from streams.exactly_once.batch import DeadLetter, Function
from streams.exactly_once.group import KafkaGroup
from streams.exactly_once.kafka_log import KafkaLog
from streams.exactly_once.pace import Pace
from streams.exactly_once.ports import Message
from streams.exactly_once.position import Position
from streams.exactly_once.probes import Probe, silent
from streams.exactly_once.processor import Processor
from streams.exactly_once.rocksdb_store import RocksDBStore
from streams.exactly_once.staging import StagedTable
from streams.exactly_once.standby import Standbys

log = logging.getLogger(__name__)


class Source(Struct, frozen=True):
    """One input topic: what is done with its messages, over which tables, kept in which changelog."""

    topic: str
    changelog: str
    tables: dict[str, type[Any]]  # name -> record
    function: Function
    dead_letter: DeadLetter


class LayerSettings(Struct, frozen=True):
    """How the layer works on this worker."""

    bootstrap_servers: str
    application: str
    folder: Path  # of this worker's stores (rule 6)
    log_identity: str  # changes when the log is another one
    transaction_timeout_seconds: float = 10.0
    max_batch: int = 500
    probe: Probe = silent
    member: str = ""  # this worker's static name in the group
    partitions: int = 0  # of every source, for standbys
    standby_replicas: int = 0


class Layer:
    """The processors of the partitions that this worker has been assigned."""

    def __init__(self, settings: LayerSettings) -> None:
        self.settings = settings
        self.sources: dict[str, Source] = {}
        self._processors: dict[TP, Processor] = {}
        self._running: dict[TP, asyncio.Task[None]] = {}
        self._standbys: dict[str, Standbys] = {}
        self._pace = Pace()

    def add(self, source: Source) -> None:
        """Register a source; to be done before the application starts."""
        self.sources[source.topic] = source
        if self.settings.standby_replicas and self.settings.member:
            self._standbys[source.topic] = self._new_standbys(source)

    async def warm_up(self) -> None:
        """Bring local copies up to date before this worker joins the group; nothing where there are no standbys."""
        for standbys in self._standbys.values():
            await standbys.warm_up()

    def owns(self, tp: TP) -> bool:
        """Say whether messages of this partition are the layer's."""
        return tp.topic in self.sources

    def partitions(self) -> list[TP]:
        """Return the partitions that are being processed."""
        return list(self._running)

    def position(self, tp: TP) -> int | None:
        """Return the next input offset of a partition that is being processed."""
        processor = self._processors.get(tp)
        return processor.position.offset if processor and tp in self._running else None

    def feed(self, tp: TP, records: Sequence[Any]) -> bool:
        """Hand fetched records over; return True when the partition has enough for now."""
        if tp not in self._running:
            return False
        return self._processors[tp].feed(
            Message(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers) for r in records
        )

    async def stop(self) -> None:
        """End every transaction under way, and begin none."""
        for tp in self._running:
            self._processors[tp].stop()
        running, self._running = self._running, {}
        if running:
            await asyncio.wait(running.values())

    async def take_over(
        self,
        tps: set[TP],
        rewind: Callable[[TP, int], None],
        drained: Callable[[TP], None],
    ) -> dict[TP, int]:
        """Take these partitions over, and let all others go; returns their positions.

        Nothing is processed before `start`. Raises GivenUpError.
        """
        await self.stop()
        for standbys in self._standbys.values():
            await standbys.release()
        for tp in [tp for tp in self._processors if tp not in tps]:
            await self._processors.pop(tp).close()
        for tp in tps - self._processors.keys():
            self._processors[tp] = self._new_processor(tp, rewind, drained)
        positions = await asyncio.gather(*(self._processors[tp].take_over() for tp in tps))
        return {tp: position.offset for tp, position in zip(tps, positions, strict=True)}

    def start(self, crash: Callable[[BaseException], None]) -> None:
        """Begin to process what was taken over; `crash` hears of a partition that had to be given up."""
        for tp, processor in self._processors.items():
            task = asyncio.create_task(processor.run(), name=f"exactly-once {processor.name}")
            task.add_done_callback(lambda t: _report(t, crash))
            self._running[tp] = task
        for topic, standbys in self._standbys.items():
            standbys.begin(tp.partition for tp in self._processors if tp.topic == topic)
        metrics.ready.set(1)

    async def close(self) -> None:
        """Stop, and let go of every log and store."""
        await self.stop()
        for standbys in self._standbys.values():
            await standbys.release()
        for processor in self._processors.values():
            await processor.close()
        self._processors.clear()

    def _new_processor(
        self, tp: TP, rewind: Callable[[TP, int], None], drained: Callable[[TP], None]
    ) -> Processor:
        source = self.sources[tp.topic]
        store = self._store(tp)
        return Processor(
            name=f"{tp.topic}-{tp.partition}",
            log_of_partition=self._log(tp),
            store=store,
            tables={name: StagedTable(name, record, store) for name, record in source.tables.items()},
            function=source.function,
            dead_letter=source.dead_letter,
            log_identity=self.settings.log_identity,
            max_batch=self.settings.max_batch,
            pace=self._pace,
            probe=self.settings.probe,
            on_position=lambda position: _observe_position(tp, position),
            rewind=lambda offset: rewind(tp, offset),
            on_drained=lambda: drained(tp),
            on_committed=traces.committed,
        )

    def _new_standbys(self, source: Source) -> Standbys:
        settings = self.settings

        def copy_of(partition: int) -> tuple[KafkaLog, RocksDBStore]:
            tp = TP(source.topic, partition)
            return self._log(tp), self._store(tp)

        group = KafkaGroup(settings.bootstrap_servers, settings.application, source.topic)
        return Standbys(
            settings.member,
            range(settings.partitions),
            settings.standby_replicas,
            group,
            copy_of,
            settings.log_identity,
        )

    def _log(self, tp: TP) -> KafkaLog:
        return KafkaLog(
            self.settings.bootstrap_servers,
            self.settings.application,
            TopicPartition(tp.topic, tp.partition),
            self.sources[tp.topic].changelog,
            self.settings.transaction_timeout_seconds,
        )

    def _store(self, tp: TP) -> RocksDBStore:
        return RocksDBStore(self.settings.folder / f"{tp.topic}-{tp.partition}")


def _report(task: "asyncio.Task[None]", crash: Callable[[BaseException], None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        crash(error)


def _observe_position(tp: TP, position: Position) -> None:
    log.debug("%s-%d is at %d", tp.topic, tp.partition, position.offset)
