"""The processor of one partition: fence, recover, then one transaction after another.

The rules are those of README.md. Nothing here depends on Kafka, RocksDB or Faust.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from itertools import islice

from schemas import metrics
from schemas.runtime import backoff
from schemas.timestamps import MonotonicSeconds
from streams.exactly_once import failpoints, micro_batch
from streams.exactly_once.failpoints import Failpoint
from streams.exactly_once.linger import Linger
from streams.exactly_once.micro_batch import DeadLetterFactory, MessageHandler, Tables
from streams.exactly_once.ports import FencedError, LocalStore, LogTruncatedError, Message, TransactionalLog
from streams.exactly_once.position import POSITION_KEY, Position, decode_position
from streams.exactly_once.transaction_metrics import observe_committed, observe_phase

log = logging.getLogger(__name__)

#: Consecutive failed recoveries after which the worker ends.
MAX_ATTEMPTS = 12
#: Bounds of the wait between them; with jitter, the dozen lasts about half a minute.
FIRST_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.1, 4.0
#: Pause after having been fenced: time for the rebalance that gives the partition to another worker.
FENCED_BACKOFF_SECONDS = 3.0
#: Queued messages at which the transport stops fetching the partition, and below which it resumes.
MAX_QUEUE, RESUME_QUEUE = 2_000, 500
#: The same in bytes of their values: clients choose how large their commands are.
MAX_QUEUE_BYTES, RESUME_QUEUE_BYTES = 16 << 20, 4 << 20


class RecoveryFailedError(Exception):
    """A partition could not be recovered in MAX_ATTEMPTS; the worker ends, and its supervisor restarts it."""


@dataclass(eq=False, repr=False)
class Processor:
    """The single writer of one source partition."""

    name: str  # of the partition, for logs
    log_of_partition: TransactionalLog  # source, outputs and changelog
    store: LocalStore  # the local copy of the partition's state
    tables: Tables  # the handler's tables, staged over `store`
    handler: MessageHandler  # the application
    dead_letter: DeadLetterFactory  # returns the record to write for a message at which the handler raised
    _: KW_ONLY
    log_identity: str  # of the log that the store must belong to
    max_batch: int = 500  # messages of one transaction at most
    linger: Linger = field(default_factory=Linger)  # the message rates of all partitions of the worker
    failpoint: Failpoint = failpoints.no_failpoints  # called at the named points of each transaction
    #: Called with the offset from which the transport must fetch again.
    rewind: Callable[[int], None] = lambda offset: None
    #: Called when the queue has room again.
    on_drained: Callable[[], None] = lambda: None
    #: Called with the messages of a committed transaction, and its start in nanoseconds since 1970.
    on_committed: Callable[[Sequence[Message], int], None] = lambda messages, started_ns: None

    position: Position = field(default=Position(), init=False)
    _queue: deque[Message] = field(default_factory=deque, init=False)
    _has_messages: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _stopping: bool = field(default=False, init=False)
    _lost_inputs_at: int = field(default=-1, init=False)  # the position at which the log itself has a gap

    def feed(self, messages: Iterable[Message]) -> bool:
        """Queue fetched messages, in order; return True if the queue is full."""
        self._queue.extend(messages)
        self._has_messages.set()
        return len(self._queue) >= MAX_QUEUE or self._queued_bytes() >= MAX_QUEUE_BYTES

    def _queued_bytes(self) -> int:
        return sum(len(message.value or b"") for message in self._queue)

    def stop(self) -> None:
        """Begin no further transaction; `run` returns when the open one has ended."""
        self._stopping = True
        self._has_messages.set()

    async def close(self) -> None:
        """Close log and store."""
        await self.log_of_partition.close()
        self.store.close()

    async def take_over(self) -> Position:
        """Fence, rebuild the state from what is committed, and return the position (rules 1, 3, 6).

        The queue is emptied: the transport fetches again from the position. Raises RecoveryFailedError.
        """
        self._queue.clear()
        self._stopping = False
        return await self._recover_with_retries()

    async def _recover_with_retries(self) -> Position:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                await self._recover()
            except Exception as error:
                metrics.retries.labels("recovery").inc()
                log.warning("recovery failed: %s, %d of %d: %r", self.name, attempt, MAX_ATTEMPTS, error)
                wait = backoff.delay(
                    attempt, first_seconds=FIRST_BACKOFF_SECONDS, max_seconds=MAX_BACKOFF_SECONDS
                )
                await asyncio.sleep(wait)
            else:
                return self.position
        raise RecoveryFailedError(self.name)

    async def run(self) -> None:
        """Process queued messages until stopped. Raises RecoveryFailedError."""
        while not self._stopping:
            if not self._queue:
                self._has_messages.clear()
                self.on_drained()
                await self._has_messages.wait()
                continue
            if not await self._linger_for_more():
                break
            messages = list(islice(self._queue, self.max_batch))
            try:
                finished = await self._transact(messages)
            except FencedError:
                metrics.transactions.labels("fenced").inc()
                log.warning("fenced: another worker has %s", self.name)
                await self._pause(FENCED_BACKOFF_SECONDS)
                await self._recover_from_error()
            except Exception as error:
                metrics.transactions.labels("failed").inc()
                log.warning("transaction in doubt: %s: %r", self.name, error)
                await self._recover_from_error()
            else:
                for _ in range(min(finished, len(self._queue))):
                    self._queue.popleft()
                if len(self._queue) < RESUME_QUEUE and self._queued_bytes() < RESUME_QUEUE_BYTES:
                    self.on_drained()

    async def _linger_for_more(self) -> bool:
        """Wait for more messages if that saves transactions (rule 4); return False if stopped in the meantime."""
        loop = asyncio.get_running_loop()
        delay = self.linger.delay(self.name, MonotonicSeconds(loop.time()))
        if delay > 0.0 and len(self._queue) < self.max_batch:
            await asyncio.sleep(delay)
        self.linger.record_batch(self.name, len(self._queue), MonotonicSeconds(loop.time()))
        return not self._stopping

    async def _recover_from_error(self) -> None:
        for table in self.tables.values():
            table.drop()
        if not self._stopping:
            await self._recover_with_retries()

    async def _pause(self, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while not self._stopping and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)

    async def _recover(self) -> None:
        await self.log_of_partition.fence()
        self.store.close()
        is_local = self.store.open(self.log_identity)
        try:
            await self._replay()
        except LogTruncatedError:
            is_local = False
            self.store.wipe()
            await self._replay()
        self.position = decode_position(self.store.get(POSITION_KEY))
        metrics.partition_recoveries.labels("local" if is_local else "changelog").inc()

    async def _replay(self) -> None:
        async for changes, offset in self.log_of_partition.replay(self.store.changelog_offset):
            self.store.apply(changes, offset)

    async def _transact(self, messages: list[Message]) -> int:
        """Process messages in one transaction (rule 2); return how many need not be processed again."""
        for table in self.tables.values():
            table.drop()
        clock = time.perf_counter
        started, started_ns = clock(), time.time_ns()
        batch = micro_batch.run(
            messages,
            self.position,
            self.tables,
            self.handler,
            self.dead_letter,
            accept_gap=self._lost_inputs_at == self.position.offset,
        )
        if not batch.processed:
            if batch.gap_at is not None:
                await self._handle_gap(batch.gap_at)
            return batch.skipped
        changes = dict(change for table in self.tables.values() for change in table.changes())
        changes[POSITION_KEY] = batch.position.encode()
        observe_phase("queue", max(0.0, time.time() - messages[0].timestamp / 1000))
        decided = clock()
        self.failpoint(failpoints.BEFORE_BEGIN)
        await self.log_of_partition.begin()
        changelog_offset = await self.log_of_partition.produce(batch.outputs, changes)
        self.failpoint(failpoints.AFTER_PRODUCE)
        produced = clock()
        await self.log_of_partition.commit()
        self.failpoint(failpoints.AFTER_COMMIT)
        committed = clock()
        self.store.apply(changes, changelog_offset)
        self.failpoint(failpoints.AFTER_APPLY)
        self.position = batch.position
        self.failpoint(failpoints.AFTER_ACKNOWLEDGE)
        self.on_committed(messages[batch.skipped : batch.skipped + batch.processed], started_ns)
        observe_committed(batch)
        observe_phase("decide", decided - started)
        observe_phase("produce", produced - decided)
        observe_phase("commit", committed - produced)
        observe_phase("apply", clock() - committed)
        return batch.processed + batch.skipped

    async def _handle_gap(self, message: Message) -> None:
        """Distinguish lost inputs, which are an alarm, from a fetch that ran ahead, which is repeated (rule 5)."""
        expected = self.position.offset
        if await self.log_of_partition.first_input(expected) == message.offset:
            metrics.missing_offsets.inc(message.offset - expected)
            log.error("inputs lost: %s: offsets %d to %d", self.name, expected, message.offset - 1)
            self._lost_inputs_at = expected
        else:
            self._queue.clear()
            self.rewind(expected)
