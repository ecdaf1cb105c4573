"""Workers, their partitions and their stores: who has what, who dies, who sleeps."""

import asyncio
import copy
import random
from collections.abc import AsyncIterator, Callable, Sequence

from streams.agents.commands import CommandFunction
from streams.agents.dead_letters import dead_letter
from streams.domain.decision import Policy
from streams.exactly_once.batch import Function
from streams.exactly_once.pace import Pace
from streams.exactly_once.ports import Changes, Message, Output
from streams.exactly_once.processor import Processor
from streams.exactly_once.staging import StagedTable
from tables.registry import TABLES
from tests.exactly_once.memory import MemoryBroker, MemoryLog, MemoryStore
from tests.simulation.faults import CRASHES, Faults

#: Virtual seconds: a step of the log, a fetch, a restart by the supervisor, a session that times out.
STEP = 0.004
FETCH = 0.003
RESTART = 0.8
SESSION = 3.0
#: Until a worker hears that a partition is no longer its own; less than it pauses after being fenced.
NEWS = 2.5
#: Reservations short enough that some run out within a run.
POLICY = Policy(idempotency_ttl_seconds=86_400, reservation_seconds=4)
#: Virtual seconds after which what is not decided never will be.
PATIENCE = 80.0


class Crashed(BaseException):
    """The worker is gone."""


class Cursor:
    """Where an owner fetches next, and whether there may be something to fetch."""

    def __init__(self) -> None:
        self.offset = 0
        self.news = asyncio.Event()


class Worker:
    """One process: alive, dead, or asleep (SIGSTOP)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.life = 0  # grows with each start; what belongs to an earlier life is dead
        self.awake = asyncio.Event()
        self.awake.set()


class SimulatedLog(MemoryLog):
    """A MemoryLog whose every call takes time and may meet a fault."""

    def __init__(self, cluster: "Cluster", partition: int, worker: Worker) -> None:
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

    async def produce(self, outputs: Sequence[Output], changes: Changes) -> int:
        await self._step("produce")
        return await super().produce(outputs, changes)

    async def commit(self) -> None:
        await self._step("commit")
        doubt = self._cluster.faults.strike("commit")
        if doubt != "in doubt, not committed":
            await super().commit()
            self._cluster.committed(self._partition)
        if doubt:
            raise TimeoutError(doubt)

    async def replay(self, offset: int) -> AsyncIterator[tuple[Changes, int]]:
        async for changes, upto in super().replay(offset):
            await self._step("replay")
            yield changes, upto


class Cluster:
    """Partitions, the workers that have them, and the faults that strike them."""

    def __init__(
        self,
        rng: random.Random,
        faults: Faults,
        trace: Callable[..., None],
        deliver: Callable[[Output], None],
        *,
        partitions: int = 2,
        workers: int = 3,
        new_function: Callable[[], Function] = lambda: CommandFunction(POLICY),
    ) -> None:
        self.rng = rng
        self.faults = faults
        self.trace = trace
        self.brokers = [MemoryBroker() for _ in range(partitions)]
        self.workers = [Worker(f"w{i}") for i in range(workers)]
        self.readable: set[int] = set()  # ids of the records that are committed
        self._deliver = deliver
        self._delivered = [0] * partitions
        self._new_function = new_function
        self._stores: dict[tuple[str, int], MemoryStore] = {}
        self._old_stores: dict[tuple[str, int], MemoryStore] = {}
        self._owner: dict[int, Worker] = {}
        self._cursors: dict[int, Cursor] = {}  # of the present owners
        self._fetching: dict[int, dict[Cursor, None]] = {p: {} for p in range(partitions)}
        self._tenures: dict[tuple[str, int], asyncio.Task[None]] = {}

    def start(self) -> None:
        """Give every partition to a worker."""
        for partition in range(len(self.brokers)):
            self._assign(partition, self.workers[partition % len(self.workers)])

    def committed(self, partition: int) -> None:
        """Hand the replies of what has just been committed to the clients."""
        outputs = self.brokers[partition].outputs
        new, self._delivered[partition] = outputs[self._delivered[partition] :], len(outputs)
        self.readable.update(map(id, new))
        for output in new:
            self.trace("output", output.topic, output.key, output.value)
            if output.topic in ("order.replies", "payment.requests", "bucket.commands"):
                self._deliver(output)

    def append(self, partition: int, message: Message) -> None:
        """Put an input at the end of a partition; all who fetch from it, zombies too, hear of it."""
        self.brokers[partition].inputs.append(message)
        for cursor in self._fetching[partition]:
            cursor.news.set()

    async def quiet(self) -> None:
        """Return when every input has been decided; raises AssertionError when that takes too long."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while any(b.position().offset < len(b.inputs) for b in self.brokers):
            assert asyncio.get_running_loop().time() < deadline, "inputs are never decided"
            await asyncio.sleep(0.1)

    async def step(self, name: str, partition: int, worker: Worker, life: int) -> None:
        """Take the time of a step; meet what strikes."""
        await asyncio.sleep(STEP * self.rng.random())
        await worker.awake.wait()
        if worker.life != life:
            raise Crashed
        self.faults.steps += 1
        self.trace("step", name, partition, worker.name)
        self._strike(partition, worker)

    def probe(self, point: str, partition: int, worker: Worker, life: int) -> None:
        """A named point between two steps: the process may die here."""
        if worker.life != life:
            raise Crashed
        self.faults.steps += 1
        self.trace("point", point, partition, worker.name)
        self._strike(partition, worker)

    def _strike(self, partition: int, worker: Worker) -> None:
        kind = self.faults.strike("step")
        if kind is None:
            return
        self.trace("fault", kind, partition, worker.name)
        if kind in CRASHES:
            self._crash(worker, kind)
            raise Crashed
        match kind:
            case "error":
                raise ConnectionError("the broker did not answer")
            case "zombie":
                worker.awake.clear()
                self._later(SESSION, lambda: self._reassign(worker))
                self._later(SESSION + 2 * self.rng.random(), worker.awake.set)
            case "rebalance":
                self._later(0, lambda: self._assign(partition, self.rng.choice(self.workers)))
            case "redelivery":
                cursor = self._cursors[partition]
                cursor.offset = self.rng.randrange(cursor.offset + 1)
                cursor.news.set()
            case "skipped fetch":
                cursor = self._cursors[partition]
                cursor.offset = min(cursor.offset + 1, len(self.brokers[partition].inputs))

    def _crash(self, worker: Worker, kind: str) -> None:
        worker.life += 1
        for (name, _), tenure in self._tenures.items():
            if name == worker.name:
                tenure.cancel()
        for (name, partition), store in list(self._stores.items()):
            if name != worker.name:
                continue
            if kind == "crash and lose the store":
                store.wipe()
            elif kind == "crash and restore an old store" and (
                old := self._old_stores.get((name, partition))
            ):
                self._stores[(name, partition)] = copy.deepcopy(old)
        if self.rng.random() < 0.5:  # the supervisor starts it again at once, as the same member
            self._later(RESTART, lambda: self._restart(worker))
        else:
            self._later(SESSION, lambda: self._reassign(worker))

    def _restart(self, worker: Worker) -> None:
        for partition in [p for p, owner in self._owner.items() if owner is worker]:
            self._assign(partition, worker)

    def _reassign(self, worker: Worker) -> None:
        others = [w for w in self.workers if w is not worker]
        for partition in [p for p, owner in self._owner.items() if owner is worker]:
            self._assign(partition, self.rng.choice(others))

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(seconds, action)

    def _assign(self, partition: int, worker: Worker) -> None:
        """The partition is this worker's from now on; the one before is told, if it can hear."""
        self.trace("assign", partition, worker.name)
        former = self._owner.get(partition)
        self._owner[partition] = worker
        if (
            former is not None
            and former is not worker
            and (tenure := self._tenures.get((former.name, partition)))
        ):
            # until it hears of it, it goes on as a zombie, and is fenced
            self._later(NEWS * self.rng.random(), tenure.cancel)
        mine = (worker.name, partition)
        before = self._tenures.get(mine)
        self._tenures[mine] = asyncio.create_task(self._own(partition, worker, worker.life, before))

    async def _own(
        self, partition: int, worker: Worker, life: int, before: "asyncio.Task[None] | None"
    ) -> None:
        if before is not None:  # one process has one processor a partition
            before.cancel()
            await asyncio.wait([before])
        store = self._stores.setdefault((worker.name, partition), MemoryStore())
        if self.rng.random() < 0.3:
            self._old_stores[(worker.name, partition)] = copy.deepcopy(store)
        cursor = self._cursors[partition] = Cursor()
        processor = Processor(
            f"{partition}@{worker.name}",
            SimulatedLog(self, partition, worker),
            store,
            {spec.name: StagedTable(spec.name, spec.record, store) for spec in TABLES},
            self._new_function(),
            dead_letter,
            log_identity="log",
            max_batch=20,
            pace=Pace(few=0.0),  # transactions of many messages are those in which much can go wrong
            probe=lambda point: self.probe(point, partition, worker, life),
            rewind=lambda offset: _rewind(cursor, offset),
        )
        try:
            cursor.offset = (await processor.take_over()).offset
            fetching = asyncio.create_task(self._fetch(partition, processor, cursor))
            try:
                await processor.run()
            finally:
                fetching.cancel()
        except Crashed:
            pass

    async def _fetch(self, partition: int, processor: Processor, cursor: Cursor) -> None:
        self._fetching[partition][cursor] = None
        try:
            while True:
                inputs = self.brokers[partition].inputs
                if cursor.offset < len(inputs):
                    upto = min(len(inputs), cursor.offset + 1 + self.rng.randrange(40))
                    processor.feed(inputs[cursor.offset : upto])
                    cursor.offset = upto
                    await asyncio.sleep(FETCH)
                else:
                    cursor.news.clear()
                    await cursor.news.wait()
        finally:
            self._fetching[partition].pop(cursor, None)


def _rewind(cursor: Cursor, offset: int) -> None:
    cursor.offset = offset
    cursor.news.set()
