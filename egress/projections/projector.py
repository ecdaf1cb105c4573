"""The projector: facts to views, batch after batch, each repeated until the store has applied it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from aiokafka.errors import KafkaError

from egress.kafka.dead_letters import DeadLetter, DeadLetterSink
from egress.kafka.decoding import UnreadableError, decode_fact, decode_watermark
from egress.kafka.ports import FactSource
from egress.kafka.records import OffsetRange, Partition, PartitionsReassigned, Record
from egress.projections.ports import ViewsLost, ViewStore, ViewStoreUnavailable
from egress.projections.projection import ViewWrite, project
from egress.projections.watermarks import WatermarkTracker
from schemas import codec, metrics, timestamps, view_keys
from schemas.consumer_groups import PROJECTION
from schemas.orders import Order
from schemas.runtime import backoff
from schemas.telemetry import tracing
from schemas.telemetry.lag import LagReporter
from schemas.timestamps import EpochMs
from schemas.topics import FACT_TOPICS, WATERMARKS

T = TypeVar("T")

log = logging.getLogger(__name__)

#: Records in one batch.
MAX_RECORDS = 2_000
#: Topics whose facts an order's view shows, and how old the oldest of them may be: a day more than the view is kept, for
#: the clocks of those who wrote them.
ORDER_TOPICS = frozenset(topic.name for cls, topic in FACT_TOPICS.items() if issubclass(cls, Order))
ORDER_FACTS_SECONDS = view_keys.ORDER_TTL_SECONDS + 86_400
#: Between two requests for the ends of the topics, and how long one may take, in seconds.
TARGET_INTERVAL_SECONDS = 0.2
TARGET_TIMEOUT_SECONDS = 1.0
#: Between two checks that the views still have their positions, in seconds.
CHECK_INTERVAL_SECONDS = 1.0
#: Bounds of the wait before a call of the store is repeated, in seconds.
FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 0.05, 2.0


class Projector:
    """Projects the facts of this process's partitions into the store."""

    def __init__(self, facts: FactSource, store: ViewStore, dead_letters: DeadLetterSink) -> None:
        self._facts = facts
        self._store = store
        self._dead_letters = dead_letters
        self._positions: dict[Partition, int] = {}  # of the views
        self._watermarks = WatermarkTracker()
        self._lag = LagReporter(PROJECTION.name)
        self._targets_at = 0.0
        self._checked_at = 0.0

    async def run(self) -> None:
        """Project until cancelled; raises KafkaError, NewerVersionError."""
        while True:
            try:
                await self.seek_to_view_positions()
                while True:
                    await self.step()
            except PartitionsReassigned:
                log.info("projector reassigned, beginning at the positions of the views")
            except ViewsLost:
                log.warning("views emptied or set back, projecting again from their positions")

    def has_reached(self, positions: Mapping[Partition, int]) -> bool:
        """Return True if the views show every fact before these positions."""
        return all(self._positions[partition] >= position for partition, position in positions.items())

    async def seek_to_view_positions(self) -> None:
        """Read on from the positions of the views; where they have none, from the first fact that they may show."""
        partitions = self._facts.assigned()
        positions = await self._retry_until_done(partial(self._store.positions, partitions))
        await self._discard_views_of_other_topics(positions)
        new = [partition for partition in partitions if partition not in positions]
        if new:
            beginnings = await self._first_facts(new)
            await self._retry_until_done(partial(self._store.begin, beginnings))
            positions |= beginnings
        self._facts.seek(positions)
        log.info("projecting %d partitions, %d of them from their first facts", len(partitions), len(new))
        self._positions = positions
        self._watermarks = WatermarkTracker()
        self._lag.report({})

    async def _discard_views_of_other_topics(self, positions: Mapping[Partition, int]) -> None:
        """Discard views that show facts which the topics do not have, and raise ViewsLost.

        Kafka was set up again or has lost its end, and Redis was not emptied.
        """
        try:
            ends = await asyncio.wait_for(self._facts.ends(positions), TARGET_TIMEOUT_SECONDS)
        except (KafkaError, TimeoutError):
            return  # a later start checks it
        if ahead := [at for at, position in positions.items() if position > ends[at]]:
            log.error("views discarded: they are past the ends of %s", ", ".join(at.field for at in ahead))
            await self._retry_until_done(self._store.discard)
            raise ViewsLost

    async def _first_facts(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Return where empty views begin: with the first fact, and with the first of an order that can still be read."""
        orders = [partition for partition in partitions if partition.topic in ORDER_TOPICS]
        others = [partition for partition in partitions if partition.topic not in ORDER_TOPICS]
        since = EpochMs(timestamps.wall_clock() - ORDER_FACTS_SECONDS * 1000)
        return await self._facts.first_since(since, orders) | await self._facts.beginnings(others)

    async def step(self) -> None:
        """Read one batch and project it; raises PartitionsReassigned, ViewsLost, KafkaError, NewerVersionError."""
        records = await self._facts.read(MAX_RECORDS)
        began_ns = time.time_ns()
        positions = await self._facts.positions(self._positions)
        # not only of records: the position also passes the markers that transactions leave in the log
        ranges = [
            OffsetRange(at, self._positions[at], end)
            for at, end in positions.items()
            if end > self._positions[at]
        ]
        if ranges:
            writes, unreadable = self._project(records)
            if unreadable:
                await self._dead_letters.put(unreadable)
            await self._retry_until_done(partial(self._store.apply, writes, ranges))
            self._positions = positions
            _record_spans(records, began_ns)
        await self._set_targets()
        for partition, pending in self._watermarks.pop_reached(self._positions).items():
            await self._retry_until_done(partial(self._store.publish_watermark, partition, pending))
        await self._check_views()

    def _project(self, records: Sequence[Record]) -> tuple[list[ViewWrite], list[DeadLetter]]:
        writes: list[ViewWrite] = []
        unreadable: list[DeadLetter] = []
        for record in records:
            number = record.partition.number
            try:
                if record.partition.topic == WATERMARKS.name:
                    self._watermarks.observe(number, decode_watermark(record))
                else:
                    writes.extend(project(decode_fact(record), number))
            except UnreadableError as error:
                unreadable.append(DeadLetter(record, "unreadable", error))
        return writes, unreadable

    async def _set_targets(self) -> None:
        """Give observed watermarks the ends of the fact topics as their targets; report the lag behind these."""
        now = time.monotonic()
        if not self._watermarks.needs_targets or now < self._targets_at + TARGET_INTERVAL_SECONDS:
            return
        self._targets_at = now
        facts = [partition for partition in self._positions if partition.topic != WATERMARKS.name]
        try:
            ends = await asyncio.wait_for(self._facts.ends(facts), TARGET_TIMEOUT_SECONDS)
        except (KafkaError, TimeoutError):
            return  # the next step tries again
        self._watermarks.set_targets(ends)
        self._lag.report({(at.topic, at.number): end - self._positions[at] for at, end in ends.items()})

    async def _check_views(self) -> None:
        """Raise ViewsLost if the views have lost their positions, also when there is no fact to project."""
        now = time.monotonic()
        if now < self._checked_at + CHECK_INTERVAL_SECONDS:
            return
        self._checked_at = now
        empty = [OffsetRange(partition, offset, offset) for partition, offset in self._positions.items()]
        await self._retry_until_done(partial(self._store.apply, (), empty))
        await self._facts.commit(self._positions)

    async def _retry_until_done(self, call: Callable[[], Awaitable[T]]) -> T:
        """Repeat a call of the store until it answers, so that no fact is skipped."""
        attempt = 0
        while True:
            try:
                result = await call()
            except ViewStoreUnavailable as error:
                attempt += 1
                metrics.ready.set(0)
                metrics.retries.labels("views").inc()
                log.warning("view store failed, attempt %d: %s", attempt, error)
                await asyncio.sleep(
                    backoff.delay(attempt, first_seconds=FIRST_RETRY_SECONDS, max_seconds=MAX_RETRY_SECONDS)
                )
            else:
                metrics.ready.set(1)
                return result


def _record_spans(records: Sequence[Record], began_ns: int) -> None:
    """Record a span for each record that the views now show; `began_ns` in nanoseconds since 1970."""
    if not tracing.is_enabled():
        return
    for record in records:
        (topic, number), parent = record.partition, codec.header(record.headers, "traceparent")
        about: dict[str, str | int] = {
            "messaging.destination.name": topic,
            "messaging.destination.partition.id": str(number),
            "messaging.kafka.offset": record.offset,
            "restaurant_id": (record.key or b"").decode(errors="replace"),
        }
        span = (PROJECTION.name, topic, number, record.offset)
        tracing.record(f"project {topic}", parent, span, began_ns, about)
