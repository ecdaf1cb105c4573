"""The processor of one partition: fence, recover, then one transaction after the other.

This file holds the rules (README.md) and nothing of Kafka, RocksDB or Faust.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from schemas import metrics
from streams.exactly_once import batch as micro_batch
from streams.exactly_once import probes
from streams.exactly_once.batch import DeadLetter, Function, Tables
from streams.exactly_once.pace import Pace
from streams.exactly_once.ports import FencedError, LocalStore, LogTruncatedError, Message, TransactionalLog
from streams.exactly_once.position import POSITION_KEY, Position, decode_position
from streams.exactly_once.probes import Probe

log = logging.getLogger(__name__)

#: Attempts to recover in a row before the processor gives its partition up and the worker ends.
MAX_ATTEMPTS = 12
#: Longest pause between them, in seconds; with jitter, the dozen lasts about half a minute.
MAX_PAUSE = 4.0
#: Pause after having been fenced, in seconds: time to learn that the partition is another's.
FENCED_PAUSE = 3.0
#: Messages queued before the transport stops fetching the partition, and below which it goes on.
QUEUE_FULL = 2_000
QUEUE_LOW = 500


class GivenUpError(Exception):
    """A partition could not be recovered in MAX_ATTEMPTS; the worker ends, and its supervisor starts another."""


class Processor:
    """One source partition's single writer, on this worker."""

    def __init__(
        self,
        name: str,
        log_of_partition: TransactionalLog,
        store: LocalStore,
        tables: Tables,
        function: Function,
        dead_letter: DeadLetter,
        *,
        log_identity: str,
        max_batch: int = 500,
        pace: Pace | None = None,
        probe: Probe = probes.silent,
        on_position: Callable[[Position], None] = lambda position: None,
        rewind: Callable[[int], None] = lambda offset: None,
        on_drained: Callable[[], None] = lambda: None,
        on_committed: Callable[[Sequence[Message], int], None] = lambda messages, began: None,
    ) -> None:
        """Take the parts; `pace` is the worker's; `on_committed` hears of the messages of a transaction and when it began, in nanoseconds."""
        self.name = name
        self.position = Position()
        self._log = log_of_partition
        self._store = store
        self._tables = tables
        self._function = function
        self._dead_letter = dead_letter
        self._log_identity = log_identity
        self._max_batch = max_batch
        self._probe = probe
        self._on_position = on_position
        self._rewind = rewind
        self._on_drained = on_drained
        self._on_committed = on_committed
        self._pace = pace or Pace()
        self._queue: deque[Message] = deque()
        self._fed = asyncio.Event()
        self._stopping = False
        self._gap_from = -1  # the position at which the log was seen to have a real gap

    def feed(self, messages: Iterable[Message]) -> bool:
        """Queue fetched messages, in order; return True when the queue is full."""
        self._queue.extend(messages)
        self._fed.set()
        return len(self._queue) >= QUEUE_FULL

    def stop(self) -> None:
        """Begin no further transaction; `run` returns when the one under way has ended."""
        self._stopping = True
        self._fed.set()

    async def close(self) -> None:
        """Let go of log and store."""
        await self._log.close()
        self._store.close()

    async def take_over(self) -> Position:
        """Fence, rebuild the state from what is committed, and return the position (rules 1, 3, 6).

        What was fed before is forgotten: the transport fetches again from the position.
        Raises GivenUpError.
        """
        self._queue.clear()
        self._stopping = False
        return await self._recover_patiently()

    async def _recover_patiently(self) -> Position:
        for attempt in range(MAX_ATTEMPTS):
            try:
                await self._recover()
            except Exception as error:
                metrics.retries.labels("recovery").inc()
                log.warning("%s: recovery failed (%d of %d): %r", self.name, attempt + 1, MAX_ATTEMPTS, error)
                await asyncio.sleep(random.uniform(0, min(MAX_PAUSE, 0.1 * 2**attempt)))
            else:
                return self.position
        raise GivenUpError(self.name)

    async def run(self) -> None:
        """Process what is fed until stopped. Raises GivenUpError."""
        while not self._stopping:
            if not self._queue:
                self._fed.clear()
                self._on_drained()
                await self._fed.wait()
                continue
            if not await self._gather():
                break
            messages = [self._queue[i] for i in range(min(len(self._queue), self._max_batch))]
            try:
                taken = await self._transact(messages)
            except FencedError:
                metrics.transactions.labels("fenced").inc()
                log.warning("%s: fenced, another worker has the partition", self.name)
                await self._pause(FENCED_PAUSE)
                await self._take_over_again()
            except Exception as error:
                metrics.transactions.labels("failed").inc()
                log.warning("%s: transaction in doubt: %r", self.name, error)
                await self._take_over_again()
            else:
                for _ in range(min(taken, len(self._queue))):
                    self._queue.popleft()
                if len(self._queue) < QUEUE_LOW:
                    self._on_drained()

    async def _gather(self) -> bool:
        """Wait for more where that spares transactions; return False when told to stop meanwhile (rule 4)."""
        clock = asyncio.get_running_loop().time
        pause = self._pace.pause(self.name, clock())
        if pause > 0.0 and len(self._queue) < self._max_batch:
            await asyncio.sleep(pause)
        self._pace.takes(self.name, len(self._queue), clock())
        return not self._stopping

    async def _take_over_again(self) -> None:
        for table in self._tables.values():
            table.drop()
        if not self._stopping:
            await self._recover_patiently()
            self._on_position(self.position)

    async def _pause(self, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while not self._stopping and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)

    async def _recover(self) -> None:
        await self._log.fence()
        self._store.close()
        trusted = self._store.open(self._log_identity)
        try:
            await self._replay()
        except LogTruncatedError:
            trusted = False
            self._store.wipe()
            await self._replay()
        self.position = decode_position(self._store.get(POSITION_KEY))
        metrics.recoveries.labels("kept" if trusted else "rebuilt").inc()

    async def _replay(self) -> None:
        async for changes, offset in self._log.replay(self._store.changelog_offset):
            self._store.apply(changes, offset)

    async def _transact(self, messages: list[Message]) -> int:
        """Decide and commit; return how many messages are done with."""
        for table in self._tables.values():
            table.drop()
        clock = time.perf_counter
        started, began = clock(), time.time_ns()
        batch = micro_batch.run(
            messages,
            self.position,
            self._tables,
            self._function,
            self._dead_letter,
            accept_gap=self._gap_from == self.position.offset,
        )
        if not batch.done:
            if batch.gap_at is not None:
                await self._look_into_gap(batch.gap_at)
            return batch.skipped
        changes = dict(change for table in self._tables.values() for change in table.changes())
        changes[POSITION_KEY] = batch.position.encode()
        metrics.transaction_phase.labels("wait").observe(max(0.0, time.time() - messages[0].timestamp / 1000))
        decided = clock()
        self._probe(probes.BEFORE_BEGIN)
        await self._log.begin()
        changelog_offset = await self._log.produce(batch.outputs, changes)
        self._probe(probes.AFTER_PRODUCE)
        produced = clock()
        await self._log.commit()
        self._probe(probes.AFTER_COMMIT)
        committed = clock()
        self._store.apply(changes, changelog_offset)
        self._probe(probes.AFTER_APPLY)
        self.position = batch.position
        self._on_position(batch.position)
        self._probe(probes.AFTER_ACKNOWLEDGE)
        self._on_committed(messages[batch.skipped : batch.skipped + batch.done], began)
        _observe(batch, decided - started, produced - decided, committed - produced, clock() - committed)
        return batch.done + batch.skipped

    async def _look_into_gap(self, message: Message) -> None:
        """Tell a gap in the log, which is an alarm, from a fetch that has run ahead, which is read again."""
        expected = self.position.offset
        if await self._log.first_input(expected) == message.offset:
            metrics.offset_gaps.inc(message.offset - expected)
            log.error("%s: the log has lost inputs %d to %d", self.name, expected, message.offset - 1)
            self._gap_from = expected
        else:
            self._queue.clear()
            self._rewind(expected)


def _observe(batch: micro_batch.Batch, decide: float, produce: float, commit: float, apply: float) -> None:
    metrics.transactions.labels("committed").inc()
    metrics.batch_size.observe(batch.done)
    for result, count in batch.results.items():
        metrics.commands.labels(result).inc(count)
    metrics.commands.labels("skipped").inc(batch.skipped)
    for phase, seconds in (("decide", decide), ("produce", produce), ("commit", commit), ("apply", apply)):
        metrics.transaction_phase.labels(phase).observe(seconds)
