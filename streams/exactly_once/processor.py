"""The processor of one partition: fence, recover, then one transaction after another.

The rules are those of README.md. Nothing here depends on Kafka, RocksDB or Faust.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

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


class RecoveryFailedError(Exception):
    """A partition could not be recovered in MAX_ATTEMPTS; the worker ends, and its supervisor restarts it."""


class Processor:
    """The single writer of one source partition.

    Args:
        name: of the partition, for logs.
        log_of_partition: the partition's log: source, outputs and changelog.
        store: the local copy of the partition's state.
        tables: the handler's tables, staged over `store`.
        handler: the application.
        dead_letter: returns the record to write for a message at which the handler raised.
        log_identity: identifies the log that the store must belong to.
        max_batch: messages of one transaction at most.
        linger: the message rates of all partitions of the worker.
        failpoint: called at the named points of each transaction.
        rewind: called with the offset from which the transport must fetch again.
        on_drained: called when the queue has room again.
        on_committed: called with the messages of a committed transaction, and its start in nanoseconds since 1970.
    """

    def __init__(
        self,
        name: str,
        log_of_partition: TransactionalLog,
        store: LocalStore,
        tables: Tables,
        handler: MessageHandler,
        dead_letter: DeadLetterFactory,
        *,
        log_identity: str,
        max_batch: int = 500,
        linger: Linger | None = None,
        failpoint: Failpoint = failpoints.no_failpoints,
        rewind: Callable[[int], None] = lambda offset: None,
        on_drained: Callable[[], None] = lambda: None,
        on_committed: Callable[[Sequence[Message], int], None] = lambda messages, started_ns: None,
    ) -> None:
        self.name = name
        self.position = Position()
        self._log = log_of_partition
        self._store = store
        self._tables = tables
        self._handler = handler
        self._dead_letter = dead_letter
        self._log_identity = log_identity
        self._max_batch = max_batch
        self._failpoint = failpoint
        self._rewind = rewind
        self._on_drained = on_drained
        self._on_committed = on_committed
        self._linger = linger or Linger()
        self._queue: deque[Message] = deque()
        self._has_messages = asyncio.Event()
        self._stopping = False
        self._lost_inputs_at = -1  # the position at which the log itself has a gap

    def feed(self, messages: Iterable[Message]) -> bool:
        """Queue fetched messages, in order; return True if the queue is full."""
        self._queue.extend(messages)
        self._has_messages.set()
        return len(self._queue) >= MAX_QUEUE

    def stop(self) -> None:
        """Begin no further transaction; `run` returns when the open one has ended."""
        self._stopping = True
        self._has_messages.set()

    async def close(self) -> None:
        """Close log and store."""
        await self._log.close()
        self._store.close()

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
                self._on_drained()
                await self._has_messages.wait()
                continue
            if not await self._linger_for_more():
                break
            messages = [self._queue[i] for i in range(min(len(self._queue), self._max_batch))]
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
                if len(self._queue) < RESUME_QUEUE:
                    self._on_drained()

    async def _linger_for_more(self) -> bool:
        """Wait for more messages if that saves transactions (rule 4); return False if stopped in the meantime."""
        loop = asyncio.get_running_loop()
        delay = self._linger.delay(self.name, MonotonicSeconds(loop.time()))
        if delay > 0.0 and len(self._queue) < self._max_batch:
            await asyncio.sleep(delay)
        self._linger.record_batch(self.name, len(self._queue), MonotonicSeconds(loop.time()))
        return not self._stopping

    async def _recover_from_error(self) -> None:
        for table in self._tables.values():
            table.drop()
        if not self._stopping:
            await self._recover_with_retries()

    async def _pause(self, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while not self._stopping and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)

    async def _recover(self) -> None:
        await self._log.fence()
        self._store.close()
        is_local = self._store.open(self._log_identity)
        try:
            await self._replay()
        except LogTruncatedError:
            is_local = False
            self._store.wipe()
            await self._replay()
        self.position = decode_position(self._store.get(POSITION_KEY))
        metrics.partition_recoveries.labels("local" if is_local else "changelog").inc()

    async def _replay(self) -> None:
        async for changes, offset in self._log.replay(self._store.changelog_offset):
            self._store.apply(changes, offset)

    async def _transact(self, messages: list[Message]) -> int:
        """Process messages in one transaction (rule 2); return how many need not be processed again."""
        for table in self._tables.values():
            table.drop()
        clock = time.perf_counter
        started, started_ns = clock(), time.time_ns()
        batch = micro_batch.run(
            messages,
            self.position,
            self._tables,
            self._handler,
            self._dead_letter,
            accept_gap=self._lost_inputs_at == self.position.offset,
        )
        if not batch.processed:
            if batch.gap_at is not None:
                await self._handle_gap(batch.gap_at)
            return batch.skipped
        changes = dict(change for table in self._tables.values() for change in table.changes())
        changes[POSITION_KEY] = batch.position.encode()
        observe_phase("queue", max(0.0, time.time() - messages[0].timestamp / 1000))
        decided = clock()
        self._failpoint(failpoints.BEFORE_BEGIN)
        await self._log.begin()
        changelog_offset = await self._log.produce(batch.outputs, changes)
        self._failpoint(failpoints.AFTER_PRODUCE)
        produced = clock()
        await self._log.commit()
        self._failpoint(failpoints.AFTER_COMMIT)
        committed = clock()
        self._store.apply(changes, changelog_offset)
        self._failpoint(failpoints.AFTER_APPLY)
        self.position = batch.position
        self._failpoint(failpoints.AFTER_ACKNOWLEDGE)
        self._on_committed(messages[batch.skipped : batch.skipped + batch.processed], started_ns)
        observe_committed(batch)
        observe_phase("decide", decided - started)
        observe_phase("produce", produced - decided)
        observe_phase("commit", committed - produced)
        observe_phase("apply", clock() - committed)
        return batch.processed + batch.skipped

    async def _handle_gap(self, message: Message) -> None:
        """Distinguish lost inputs, which are an alarm, from a fetch that ran ahead, which is repeated (rule 5)."""
        expected = self.position.offset
        if await self._log.first_input(expected) == message.offset:
            metrics.missing_offsets.inc(message.offset - expected)
            log.error("inputs lost: %s: offsets %d to %d", self.name, expected, message.offset - 1)
            self._lost_inputs_at = expected
        else:
            self._queue.clear()
            self._rewind(expected)
