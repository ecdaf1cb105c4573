"""Workers with their partitions and stores, and the faults that strike them."""

import asyncio
import copy
import itertools
import random
from collections.abc import Callable

from schemas.timestamps import EpochMs
from schemas.topics import STATE_CHANGELOG, max_record_bytes
from streams.agents.command_handler import REJECTIONS, CommandHandler
from streams.agents.dead_letters import dead_letter
from streams.domain.decision import Policy
from streams.exactly_once.application import Application, MessageHandler
from streams.exactly_once.linger import Linger
from streams.exactly_once.ports import Message, Output
from streams.exactly_once.processor import Processor
from tests.simulation.faults import CRASHES, Faults
from tests.simulation.releases import tables_of
from tests.simulation.worker import Crashed, SimulatedLog, SimulatedWorker
from tests.support.exactly_once.memory import MemoryBroker, MemoryStore

#: Virtual seconds of a step of the log, a fetch, a restart by the supervisor, and a session timeout.
STEP = 0.004
FETCH = 0.003
RESTART = 0.8
SESSION = 3.0
#: Until a worker learns that a partition was reassigned; less than its pause after being fenced.
REVOCATION_DELAY = 2.5
#: Reservations and keys so short that some expire within a run, and keys so long that no retry comes after them.
#: Orders leave soon after their keys. Promotions retire so soon that most have several runs. The limits of cash orders are so low that a run reaches each of them.
POLICY = Policy(
    idempotency_ttl_seconds=30,
    reservation_seconds=4,
    order_retention_seconds=35,
    refusal_retention_seconds=32,
    promotion_retirement_seconds=1,
    cash_orders_per_customer=5,
    cash_orders_per_address=6,
    cash_order_portions=8,
)
#: What the broker takes; the workers believe that it takes more.
MAX_RECORD_BYTES = 60_000
#: The wall-clock time at which virtual time begins.
EPOCH_MS = 1_767_225_600_000
#: Virtual seconds after which an input counts as never decided.
TIMEOUT_SECONDS = 80.0


class Cursor:
    """The offset that an owner fetches next, and whether there may be an input."""

    def __init__(self) -> None:
        self.offset = 0
        self.has_input = asyncio.Event()


class Cluster:
    """Partitions, the workers that have them, and the faults that strike them. All but the second worker are of the next release."""

    def __init__(
        self,
        rng: random.Random,
        faults: Faults,
        trace: Callable[..., None],
        deliver: Callable[[Output], None],
        *,
        partitions: int = 2,
        workers: int = 3,
        new_handler: Callable[[], MessageHandler] = lambda: CommandHandler(POLICY),
    ) -> None:
        self.rng = rng
        self.faults = faults
        self.trace = trace
        self.brokers = [MemoryBroker(MAX_RECORD_BYTES) for _ in range(partitions)]
        self.workers = [SimulatedWorker(f"w{i}") for i in range(workers)]
        self.readable: set[int] = set()  # ids of the records that are committed
        self._deliver = deliver
        self._delivered = [0] * partitions
        self._numbers = itertools.count(1)  # of the records of the next release
        self._new_handler = new_handler
        self._stores: dict[tuple[str, int], MemoryStore] = {}
        self._old_stores: dict[tuple[str, int], MemoryStore] = {}
        self._owner: dict[int, SimulatedWorker] = {}
        self._cursors: dict[int, Cursor] = {}  # of the present owners
        self._fetching: dict[int, dict[Cursor, None]] = {p: {} for p in range(partitions)}
        self._processing: dict[tuple[str, int], asyncio.Task[None]] = {}

    def start(self) -> None:
        """Give every partition to a worker."""
        for partition in range(len(self.brokers)):
            self._assign(partition, self.workers[partition % len(self.workers)])

    def deliver_committed(self, partition: int) -> None:
        """Deliver the records that have just been committed to the clients."""
        outputs = self.brokers[partition].outputs
        new, self._delivered[partition] = outputs[self._delivered[partition] :], len(outputs)
        self.readable.update(map(id, new))
        for output in new:
            self.trace("output", output.topic, output.key, output.value)
            if output.topic in ("order.replies", "payment.requests", "bucket.commands"):
                self._deliver(output)

    def append(self, partition: int, message: Message) -> None:
        """Append an input to a partition; all that fetch from it, zombies too, can read it."""
        self.brokers[partition].inputs.append(message)
        for cursor in self._fetching[partition]:
            cursor.has_input.set()

    async def wait_until_decided(self) -> None:
        """Return when every input is decided. Raises AssertionError if that takes too long."""
        deadline = asyncio.get_running_loop().time() + TIMEOUT_SECONDS
        while any(b.position().offset < len(b.inputs) for b in self.brokers):
            assert asyncio.get_running_loop().time() < deadline, "inputs are never decided"
            await asyncio.sleep(0.1)

    async def step(self, name: str, partition: int, worker: SimulatedWorker, life: int) -> None:
        """Spend the time of a step, at which a fault may strike."""
        await asyncio.sleep(STEP * self.rng.random())
        await worker.awake.wait()
        if worker.life != life:
            raise Crashed
        self.faults.steps += 1
        self.trace("step", name, partition, worker.name)
        self._strike(partition, worker)

    def pass_point(self, point: str, partition: int, worker: SimulatedWorker, life: int) -> None:
        """Pass a failpoint between two steps: the process may crash here."""
        if worker.life != life:
            raise Crashed
        self.faults.steps += 1
        self.trace("point", point, partition, worker.name)
        self._strike(partition, worker)

    def _strike(self, partition: int, worker: SimulatedWorker) -> None:
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
            case "store read fails":
                self._stores[(worker.name, partition)].failures = 1
            case "zombie":
                worker.awake.clear()
                self._later(SESSION, lambda: self._reassign(worker))
                self._later(SESSION + 2 * self.rng.random(), worker.awake.set)
            case "rebalance":
                self._later(0, lambda: self._assign(partition, self.rng.choice(self.workers)))
            case "redelivery":
                cursor = self._cursors[partition]
                cursor.offset = self.rng.randrange(cursor.offset + 1)
                cursor.has_input.set()
            case "skipped fetch":
                cursor = self._cursors[partition]
                cursor.offset = min(cursor.offset + 1, len(self.brokers[partition].inputs))

    def _crash(self, worker: SimulatedWorker, kind: str) -> None:
        worker.life += 1
        for (name, _), processing in self._processing.items():
            if name == worker.name:
                processing.cancel()
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

    def _restart(self, worker: SimulatedWorker) -> None:
        for partition in [p for p, owner in self._owner.items() if owner is worker]:
            self._assign(partition, worker)

    def _reassign(self, worker: SimulatedWorker) -> None:
        others = [w for w in self.workers if w is not worker]
        for partition in [p for p, owner in self._owner.items() if owner is worker]:
            self._assign(partition, self.rng.choice(others))

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(seconds, action)

    def _assign(self, partition: int, worker: SimulatedWorker) -> None:
        """Assign the partition to a worker; its former owner learns of it later."""
        self.trace("assign", partition, worker.name)
        former = self._owner.get(partition)
        self._owner[partition] = worker
        if (
            former is not None
            and former is not worker
            and (processing := self._processing.get((former.name, partition)))
        ):
            # until it learns of it, it continues as a zombie, and is fenced
            self._later(REVOCATION_DELAY * self.rng.random(), processing.cancel)
        mine = (worker.name, partition)
        before = self._processing.get(mine)
        self._processing[mine] = asyncio.create_task(
            self._run_processor(partition, worker, worker.life, before)
        )

    async def _run_processor(
        self, partition: int, worker: SimulatedWorker, life: int, before: "asyncio.Task[None] | None"
    ) -> None:
        if before is not None:  # a worker has one processor for a partition
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
            tables_of(store, is_next=worker is not self.workers[1], numbers=self._numbers),
            Application(self._new_handler(), dead_letter, REJECTIONS, max_record_bytes),
            changelog=STATE_CHANGELOG.name,
            log_identity="log",
            clock=lambda: EpochMs(EPOCH_MS + int(asyncio.get_running_loop().time() * 1000)),
            max_batch=20,
            linger=Linger(min_rate=0.0),  # the larger a transaction, the more can go wrong in it
            failpoint=lambda point: self.pass_point(point, partition, worker, life),
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
                    cursor.has_input.clear()
                    await cursor.has_input.wait()
        finally:
            self._fetching[partition].pop(cursor, None)


def _rewind(cursor: Cursor, offset: int) -> None:
    cursor.offset = offset
    cursor.has_input.set()
