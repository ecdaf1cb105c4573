"""One process of the simulation, and its log: every call takes time, and a fault may hit it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from streams.exactly_once.ports import Output, StateChanges
from tests.support.exactly_once.memory import MemoryLog

if TYPE_CHECKING:
    from tests.simulation.cluster import Cluster


class Crashed(BaseException):
    """The worker has crashed."""


class SimulatedWorker:
    """One process: alive, dead, or asleep (SIGSTOP)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.life = 0  # grows with each start; tasks of an earlier life have crashed
        self.awake = asyncio.Event()
        self.awake.set()


class SimulatedLog(MemoryLog):
    """A MemoryLog: every call takes time, and a fault may hit it."""

    def __init__(self, cluster: "Cluster", partition: int, worker: SimulatedWorker) -> None:
        super().__init__(cluster.brokers[partition])
        self._cluster = cluster
        self._partition = partition
        self._worker = worker
        self._life = worker.life

    async def _step(self, name: str) -> None:
        await self._cluster.step(name, self._partition, self._worker, self._life)

    async def fence(self) -> None:
        await self._step("fence")
        await super().fence()

    async def begin(self) -> None:
        await self._step("begin")
        await super().begin()

    async def produce(self, outputs: Sequence[Output], changes: StateChanges) -> int:
        await self._step("produce")
        return await super().produce(outputs, changes)

    async def commit(self) -> None:
        await self._step("commit")
        fault = self._cluster.faults.strike("commit")
        if fault != "in doubt, not committed":
            await super().commit()
            self._cluster.deliver_committed(self._partition)
        if fault:
            raise TimeoutError(fault)

    async def replay(self, offset: int) -> AsyncIterator[tuple[StateChanges, int]]:
        async for changes, upto in super().replay(offset):
            await self._step("replay")
            yield changes, upto
