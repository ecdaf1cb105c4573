"""The projector: facts to views, batch after batch, each until it is there (README, decision 5)."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from egress import retrying, traces
from egress.dead_letters import DeadLetter, DeadLetters
from egress.fact_log import GROUP, FactLog, Reassigned, Record
from egress.fact_reading import UnreadableError, read
from egress.horizon import Horizon
from egress.positions import Move, Partition
from egress.projection import ViewWrite, project
from egress.view_store import ViewsLost, ViewStore, ViewsUnreachable
from schemas import metrics
from schemas.telemetry.lag import Lag
from schemas.topics import WATERMARKS

T = TypeVar("T")

log = logging.getLogger(__name__)

#: Between two looks at the ends of the topics, and between two reports, in seconds.
AIM_SECONDS = 0.2
REPORT_SECONDS = 1.0


class Projector:
    """Projects this process's share of the facts into the store."""

    def __init__(self, facts: FactLog, store: ViewStore, dead_letters: DeadLetters) -> None:
        """Take the log, the store, and where goes what cannot be read."""
        self._facts = facts
        self._store = store
        self._dead_letters = dead_letters
        self._positions: dict[Partition, int] = {}  # where the views stand
        self._horizon = Horizon()
        self._lag = Lag(GROUP)
        self._aimed_at = 0.0
        self._reported_at = 0.0

    async def run(self) -> None:
        """Project until cancelled; raises KafkaError."""
        while True:
            try:
                await self.place()
                while True:
                    await self.step()
            except Reassigned:
                log.info("the partitions of this process have changed")
            except ViewsLost:
                log.warning("the views were emptied or set back; projecting again from where they are")

    def has_reached(self, positions: Mapping[Partition, int]) -> bool:
        """Say whether the views hold all facts before these positions."""
        return all(self._positions[partition] >= position for partition, position in positions.items())

    async def place(self) -> None:
        """Go to where the views stand; to the first fact, where they do not stand anywhere."""
        partitions = self._facts.assigned()
        positions = await self._until_done(partial(self._store.positions, partitions))
        new = [partition for partition in partitions if partition not in positions]
        if new:
            beginnings = await self._facts.beginnings(new)
            await self._until_done(partial(self._store.begin, beginnings))
            positions |= beginnings
        self._facts.seek(positions)
        log.info("projecting %d partitions, %d of them from the first fact", len(partitions), len(new))
        self._positions = positions
        self._horizon = Horizon()
        self._lag.show({})

    async def step(self) -> None:
        """Project what has come; raises Reassigned, ViewsLost, KafkaError."""
        records = await self._facts.read()
        began = time.time_ns()
        positions = await self._facts.positions(self._positions)
        moves = [
            Move(at, self._positions[at], end) for at, end in positions.items() if end > self._positions[at]
        ]
        if moves:
            writes, unreadable = self._project(records)
            if unreadable:
                await self._dead_letters.put(unreadable)
            await self._until_done(partial(self._store.apply, writes, moves))
            self._positions = positions
            traces.projected(records, began)
        await self._aim()
        for partition, aim in self._horizon.reached(self._positions).items():
            await self._until_done(partial(self._store.tell, partition, aim))
        await self._report()

    def _project(self, records: Sequence[Record]) -> tuple[list[ViewWrite], list[DeadLetter]]:
        writes: list[ViewWrite] = []
        unreadable: list[DeadLetter] = []
        for record in records:
            try:
                fact = read(record)
            except UnreadableError as error:
                unreadable.append(DeadLetter(record, "unreadable", error))
                continue
            if isinstance(fact, int):
                self._horizon.hear(record.partition.number, fact)
            else:
                writes.extend(project(fact, record.partition.number))
        return writes, unreadable

    async def _aim(self) -> None:
        now = time.monotonic()
        if not self._horizon.wants_ends or now < self._aimed_at + AIM_SECONDS:
            return
        self._aimed_at = now
        facts = [partition for partition in self._positions if partition.topic != WATERMARKS.name]
        ends = await self._facts.ends(facts)
        if ends is None:
            return
        self._horizon.aim(ends)
        self._lag.show({(at.topic, at.number): end - self._positions[at] for at, end in ends.items()})

    async def _report(self) -> None:
        now = time.monotonic()
        if now < self._reported_at + REPORT_SECONDS:
            return
        self._reported_at = now
        # moves to where the views are: nothing is to be done, and the store tells if they are lost
        moves = [Move(partition, offset, offset) for partition, offset in self._positions.items()]
        await self._until_done(partial(self._store.apply, (), moves))
        await self._facts.commit(self._positions)

    async def _until_done(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the store until it answers: no fact is skipped, and no position passes one that is not shown."""
        attempt = 0
        while True:
            try:
                answer = await ask()
            except ViewsUnreachable as error:
                attempt += 1
                metrics.ready.set(0)
                metrics.retries.labels("views").inc()
                log.warning("the store of views does not answer, attempt %d: %s", attempt, error)
                await asyncio.sleep(retrying.wait(attempt))
            else:
                metrics.ready.set(1)
                return answer
