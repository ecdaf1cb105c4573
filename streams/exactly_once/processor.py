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
from schemas.timestamps import EpochMs, MonotonicSeconds, wall_clock
from streams.exactly_once import failpoints, micro_batch
from streams.exactly_once.application import IDLE, Application, Tables
from streams.exactly_once.clock_guard import LeapAcceptance
from streams.exactly_once.failpoints import Failpoint
from streams.exactly_once.linger import Linger
from streams.exactly_once.micro_batch import Blocked, MicroBatch
from streams.exactly_once.poison import PoisonLimit
from streams.exactly_once.ports import (
    FencedError,
    LocalStore,
    LogIncompleteError,
    LogTruncatedError,
    Message,
    StateChanges,
    StopError,
    StoreError,
    TooLargeError,
    TransactionalLog,
)
from streams.exactly_once.position import POSITION_KEY, Position, decode_position
from streams.exactly_once.record_size import record_size
from streams.exactly_once.topic_ids import TOPIC_IDS_KEY, TopicIds, decode_topic_ids
from streams.exactly_once.transaction_metrics import observe_committed, observe_phase

log = logging.getLogger(__name__)

#: Consecutive failed recoveries after which the worker ends.
MAX_ATTEMPTS = 12
#: Bounds of the wait between them; with jitter, the dozen lasts about half a minute.
FIRST_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.1, 4.0
#: Pause after having been fenced: time for the rebalance that gives the partition to another worker.
FENCED_BACKOFF_SECONDS = 3.0
#: Failures of the local store without a transaction in between after which the worker ends.
MAX_STORE_FAILURES = 3
#: Failed transactions in a row, each followed by a recovery, after which the worker ends.
MAX_FAILURES = 12
#: Pause of a partition that is stopped, before it tries the same message again.
STOPPED_SECONDS = 5.0
#: Queued messages at which the transport stops fetching the partition, and below which it resumes.
MAX_QUEUE, RESUME_QUEUE = 2_000, 500
#: The same in bytes of their values: clients choose how large their commands are.
MAX_QUEUE_BYTES, RESUME_QUEUE_BYTES = 16 << 20, 4 << 20


class RecoveryFailedError(Exception):
    """A partition could not be recovered within the limits; the worker ends, and its supervisor restarts it."""


class ForeignLogError(Exception):
    """The source or the changelog is not the one that the position was made for."""


@dataclass(eq=False, repr=False)
class Processor:
    """The single writer of one source partition."""

    name: str  # of the partition, for logs
    log_of_partition: TransactionalLog  # source, outputs and changelog
    store: LocalStore  # the local copy of the partition's state
    tables: Tables  # the handler's tables, staged over `store`
    application: Application
    _: KW_ONLY
    changelog: str = ""  # the topic of the table changes, whose limit they must keep
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
    clock: Callable[[], EpochMs] = wall_clock  # the worker's

    position: Position = field(default=Position(), init=False)
    _queue: deque[Message] = field(default_factory=deque, init=False)
    _has_messages: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _stopping: bool = field(default=False, init=False)
    _lost_inputs_at: int = field(default=-1, init=False)  # the position at which the log itself has a gap
    _poison: PoisonLimit = field(default_factory=PoisonLimit, init=False)
    _doubt: Exception | None = field(default=None, init=False)  # why state and position cannot be trusted
    _new_ids: TopicIds | None = field(default=None, init=False)  # to store with the next position
    _set_aside: dict[int, Exception] = field(
        default_factory=dict, init=False
    )  # by offset: dead letters to write
    _acceptance: LeapAcceptance | None = field(default=None, init=False)  # of a leap of the records' time
    _batch_limit: int = field(
        default=0, init=False
    )  # messages of the next transaction; less after a refused one
    _failures: int = field(default=0, init=False)  # transactions that failed since the last committed one
    _store_failures: int = field(default=0, init=False)  # those of them that the store made fail

    def feed(self, messages: Iterable[Message]) -> bool:
        """Queue fetched messages, in order; return True if the queue is full."""
        self._queue.extend(messages)
        self._has_messages.set()
        return len(self._queue) >= MAX_QUEUE or self._queued_bytes() >= MAX_QUEUE_BYTES

    def _queued_bytes(self) -> int:
        return sum(len(message.value or b"") for message in self._queue)

    @property
    def is_trusted(self) -> bool:
        """False while source and changelog are not those of the position."""
        return self._doubt is None

    def stop(self) -> None:
        """Begin no further transaction; `run` returns when the open one has ended."""
        self._stopping = True
        self._has_messages.set()

    async def close(self) -> None:
        """Close log and store."""
        metrics.partition_stopped.labels(self.name).set(0)
        metrics.partition_time_ahead.labels(self.name).set(0)
        await self.log_of_partition.close()
        self.store.close()

    async def take_over(self) -> Position:
        """Fence, rebuild the state from what is committed, and return the position (rules 1, 3, 6).

        The queue is emptied: the transport fetches again from the position. Raises RecoveryFailedError.
        """
        self._queue.clear()
        self._set_aside.clear()
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
            if self._doubt is not None:
                await self._stop_partition("foreign-log", self.position.offset, self._doubt)
                await self._recover_from_error()
                self._queue.clear()
                self.rewind(self.position.offset)
                continue
            if not self._queue:
                self._has_messages.clear()
                self.on_drained()
                await self._has_messages.wait()
                continue
            if not await self._linger_for_more():
                break
            messages = list(islice(self._queue, self._batch_limit or self.max_batch))
            try:
                finished = await self._transact(messages)
            except FencedError:
                metrics.transactions.labels("fenced").inc()
                log.warning("fenced: another worker has %s", self.name)
                await self._pause(FENCED_BACKOFF_SECONDS)
                await self._recover_from_error()
            except TooLargeError as error:
                metrics.transactions.labels("failed").inc()
                await self._recover_from_error()
                await self._isolate(messages, error)
            except StoreError as error:
                metrics.transactions.labels("failed").inc()
                log.error("store failed: %s: %s", self.name, error)
                await self._rebuild_store()
            except Exception as error:
                metrics.transactions.labels("failed").inc()
                log.warning("transaction in doubt: %s: %r", self.name, error)
                await self._back_off(error)
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

    async def _back_off(self, error: Exception) -> None:
        """Wait before a transaction that has failed twice or more is tried again. Raises RecoveryFailedError."""
        self._failures += 1
        if self._failures > MAX_FAILURES:
            raise RecoveryFailedError(f"{self.name}: {MAX_FAILURES} transactions in a row failed") from error
        if (repeated := self._failures - 1) > 0:
            wait = backoff.delay(
                repeated, first_seconds=FIRST_BACKOFF_SECONDS, max_seconds=MAX_BACKOFF_SECONDS
            )
            await self._pause(wait)

    async def _rebuild_store(self) -> None:
        """Wipe the store and read the changelog again; the same messages come next. Raises RecoveryFailedError."""
        self._store_failures += 1
        if self._store_failures > MAX_STORE_FAILURES:
            raise RecoveryFailedError(f"{self.name}: the local store fails again and again")
        try:
            self.store.wipe()
        except Exception as error:  # the recovery tries again, with pauses
            log.warning("store cannot be wiped: %s: %r", self.name, error)
        await self._recover_from_error()

    async def _isolate(self, messages: Sequence[Message], error: TooLargeError) -> None:
        """Halve the transaction until the message remains whose records are too large, and set that one aside."""
        if len(messages) > 1:
            self._batch_limit = (len(messages) + 1) // 2
            log.warning("transaction too large: %s: %d messages: %s", self.name, len(messages), error)
        elif messages[0].offset not in self._set_aside and self._poison.admit_defect(
            MonotonicSeconds(asyncio.get_running_loop().time())
        ):
            self._set_aside[messages[0].offset] = error
        else:
            await self._stop_partition("too-large", messages[0].offset, error)

    async def _stop_partition(self, reason: str, offset: int, error: Exception) -> None:
        """Raise the alarm and wait; then the same message is tried again, by this release or the next one."""
        metrics.partition_stopped.labels(self.name).set(1)
        log.error("partition stopped: %s@%d: %s: %r", self.name, offset, reason, error)
        await self._pause(STOPPED_SECONDS)

    async def _pause(self, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while not self._stopping and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)

    async def _recover(self) -> None:
        await self.log_of_partition.fence()
        topic_ids = await self.log_of_partition.topic_ids()
        self.store.close()
        is_local = self.store.open(topic_ids.store_identity(self.log_identity))
        try:
            try:
                await self._replay()
            except (LogTruncatedError, StoreError) as error:
                log.warning("store not usable, rebuilding: %s: %s", self.name, error)
                is_local = False
                self.store.wipe()
                await self._replay()
        except LogIncompleteError as error:
            self._doubt = error
        else:
            self._doubt = await self._check_position(topic_ids)
            is_stored = decode_topic_ids(self.store.get(TOPIC_IDS_KEY)) == topic_ids
            self._new_ids = topic_ids if all(topic_ids) and not is_stored else None
        metrics.partition_recoveries.labels("local" if is_local else "changelog").inc()

    async def _check_position(self, topic_ids: TopicIds) -> Exception | None:
        """Return why the position cannot be one of this source: acknowledged inputs below it would be skipped."""
        if difference := decode_topic_ids(self.store.get(TOPIC_IDS_KEY)).differs_from(topic_ids):
            return ForeignLogError(difference)
        begin, end = await self.log_of_partition.source_bounds()
        if self.position.offset > end:
            return ForeignLogError(f"the position is {self.position.offset}, and the source ends at {end}")
        if self.position == Position():
            if begin > 0:
                return ForeignLogError(f"there is no state, and the source begins at {begin}")
            if committed := await self.log_of_partition.committed_input():
                return ForeignLogError(f"there is no state, and inputs up to {committed - 1} were decided")
        return None

    async def _replay(self) -> None:
        async for changes, offset in self.log_of_partition.replay(self.store.changelog_offset):
            self.store.apply(changes, offset)
        self.position = decode_position(self.store.get(POSITION_KEY))

    async def _transact(self, messages: list[Message]) -> int:
        """Process messages in one transaction (rule 2); return how many need not be processed again."""
        for table in self.tables.values():
            table.drop()
        now = MonotonicSeconds(asyncio.get_running_loop().time())
        clock = time.perf_counter
        started, started_ns = clock(), time.time_ns()
        batch = micro_batch.run(
            messages,
            self.position,
            self.tables,
            self.application,
            set_aside=self._set_aside,
            max_rejections=self._poison.rejections_left(now),
            clock=self.clock(),
            acceptance=self._acceptance,
            accept_gap=self._lost_inputs_at == self.position.offset,
        )
        if not batch.processed:
            if batch.gap_at is not None:
                await self._handle_gap(batch.gap_at)
            if batch.blocked is not None:
                await self._handle_blocked(batch.blocked, now)
            if batch.skipped:  # after a rewind; or the source was made again, and all that is new is skipped
                self._doubt = await self._check_position(await self.log_of_partition.topic_ids())
            return 0 if self._doubt is not None else batch.skipped
        changes = dict(change for table in self.tables.values() for change in table.changes())
        self._check_sizes(changes)
        changes[POSITION_KEY] = batch.position.encode()
        if self._new_ids is not None:
            changes[TOPIC_IDS_KEY] = self._new_ids.encode()
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
        self.position, self._new_ids = batch.position, None
        self.failpoint(failpoints.AFTER_ACKNOWLEDGE)
        self.on_committed(messages[batch.skipped : batch.skipped + batch.processed], started_ns)
        self._note_committed(batch, now)
        observe_committed(batch)
        observe_phase("decide", decided - started)
        observe_phase("produce", produced - decided)
        observe_phase("commit", committed - produced)
        observe_phase("apply", clock() - committed)
        return batch.processed + batch.skipped

    def _check_sizes(self, changes: StateChanges) -> None:
        limit = self.application.max_record_bytes(self.changelog)
        for key, value in changes.items():
            if record_size(key, value) > limit:
                raise TooLargeError(
                    f"the state {key!r} has {len(value or b'')} bytes; the changelog takes {limit}"
                )

    def _note_committed(self, batch: MicroBatch, now: MonotonicSeconds) -> None:
        """Forget what held earlier transactions back."""
        self._failures = self._store_failures = 0
        for offset in [offset for offset in self._set_aside if offset < batch.position.offset]:
            del self._set_aside[offset]
        self._batch_limit = min(2 * self._batch_limit, self.max_batch) if self._batch_limit else 0
        dead = batch.results[micro_batch.DEAD]
        self._poison.record_rejections(dead, now)
        if batch.processed > dead + batch.results[IDLE]:
            self._poison.record_handled()
        if dead < batch.processed:
            metrics.partition_stopped.labels(self.name).set(0)
        metrics.partition_time_ahead.labels(self.name).set(max(0, batch.position.time - self.clock()) / 1000)

    async def _handle_blocked(self, blocked: Blocked, now: MonotonicSeconds) -> None:
        """Set a message aside at which the handler has a defect, or stop the partition if that is no exception.

        A record whose time leaps is decided once an operator has accepted that.
        """
        if blocked.cause == "clock":
            self._acceptance = await self.log_of_partition.accepted_leap(blocked.message.offset)
            if self._acceptance is None:
                await self._stop_partition("clock", blocked.message.offset, blocked.error)
        elif blocked.cause == "rejections":
            await self._stop_partition("rejections", blocked.message.offset, blocked.error)
        elif isinstance(blocked.error, StopError):
            await self._stop_partition(blocked.error.reason, blocked.message.offset, blocked.error)
        elif self._poison.admit_defect(now):
            self._set_aside[blocked.message.offset] = blocked.error
        else:
            await self._stop_partition("defect", blocked.message.offset, blocked.error)

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
