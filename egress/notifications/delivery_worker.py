"""Delivery worker: attempts each delivery until it succeeds, cannot succeed, or its time is over.

A delivery ends as delivered, as gone (the recipient wants no more) or as a durable dead letter. An offset is
committed once its delivery and all earlier ones of the partition have ended, so a crash loses none. The
DeliveryStateStore knows which deliveries beyond that offset have ended; without it they are made again, under
the same message id.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from msgspec import Struct

from egress.kafka.dead_letters import DeadLetter, DeadLetterSink
from egress.kafka.decoding import UnreadableError
from egress.kafka.group_worker import GroupWorker
from egress.kafka.ports import RecordSource
from egress.kafka.records import Record
from egress.notifications import bulkheads
from egress.notifications.bulkheads import Bulkheads
from egress.notifications.channel import Channel, GoneError
from egress.notifications.delivery_state import DeliveryState, DeliveryStateStore, delivery_key
from egress.notifications.retry_schedule import RetrySchedule
from egress.resilience.errors import PermanentError, TransientError
from schemas import metrics
from schemas.codec import NewerVersionError
from schemas.timestamps import EpochSeconds, epoch_clock

log = logging.getLogger(__name__)

#: Records in one batch.
MAX_RECORDS = 500
#: Batches that fill a channel, or more.
MIN_BATCHES = 20
#: Bytes of a channel's pending records above which it is not read: clients choose how large they are.
MAX_PENDING_BYTES = 16 << 20
#: Time that a delivery's state is kept after the end of its retries.
STATE_RETENTION_SECONDS = 3_600.0


class DeliveryTiming(Struct, frozen=True):
    """Intervals and timeouts of a delivery worker.

    An attempt that is due may still wait for its bulkhead when the deadline of its delivery passes. It gets
    `overdue_attempt_timeout_seconds` more, so that a delivery that is read late, as after an outage of egress,
    is attempted once.
    """

    commit_interval_seconds: float = 1.0
    capacity_poll_interval_seconds: float = 0.2
    overdue_attempt_timeout_seconds: float = 15.0
    circuit_open_seconds: float = bulkheads.CIRCUIT_OPEN_SECONDS
    retries: RetrySchedule = RetrySchedule()


DEFAULT_TIMING = DeliveryTiming()


class _Delivery(NamedTuple):
    """A delivery in flight: `message` is what the channel decoded from the record."""

    channel: Channel[Any]
    record: Record
    message: Any
    recipient: str
    deadline: EpochSeconds


class DeliveryWorker(GroupWorker):
    """Makes the deliveries of the partitions that are assigned to this process.

    Args:
        catch_up: waits until the recipient registry has all that was committed so far.
        now: wall clock.
        random_unit: returns a random number in [0, 1).
        max_pending: limit of the deliveries of one channel in flight or waiting for a retry.
    """

    name = "delivery worker"

    def __init__(
        self,
        deliveries: RecordSource,
        catch_up: Callable[[], Awaitable[None]],
        states: DeliveryStateStore,
        dead_letters: DeadLetterSink,
        channels: Sequence[Channel[Any]],
        now: Callable[[], EpochSeconds] = epoch_clock,
        random_unit: Callable[[], float] = random.random,
        timing: DeliveryTiming = DEFAULT_TIMING,
        max_pending: int = bulkheads.MAX_PENDING,
    ) -> None:
        super().__init__(deliveries, timing.commit_interval_seconds)
        self._catch_up = catch_up
        self._states = states
        self._dead_letters = dead_letters
        self._channels = {channel.topic: channel for channel in channels}
        self._bulkheads = {
            channel.topic: Bulkheads(
                channel.name,
                channel.max_concurrency,
                timing.circuit_open_seconds,
                max_pending,
                channel.known_sites,
            )
            for channel in channels
        }
        self._now = now
        self._random_unit = random_unit
        self._timing = timing
        self._max_records = min(MAX_RECORDS, max(1, max_pending // MIN_BATCHES))
        self._unwritten: list[DeadLetter] = []
        self._pending_bytes: Counter[str] = Counter()  # by topic

    async def _step(self) -> None:
        # a channel that is full is not read, and holds up no other
        topics = [topic for topic in self._bulkheads if self._has_room(topic)]
        if topics:
            records = await self._source.read(self._max_records, topics)
            if records:  # the process that wrote them may have known newer recipients than this one
                await self._catch_up()
            states = await self._states.load(list({delivery_key(record) for record in records}))
            for record in records:
                self._start(record, states)
        else:
            await asyncio.sleep(self._timing.capacity_poll_interval_seconds)
        await self._flush_dead_letters()

    def _has_room(self, topic: str) -> bool:
        is_free = self._bulkheads[topic].free >= self._max_records
        return is_free and self._pending_bytes[topic] < MAX_PENDING_BYTES

    def _start(self, record: Record, states: Mapping[str, DeliveryState]) -> None:
        self._offsets.start(record)
        key = delivery_key(record)
        state = states.get(key, DeliveryState())
        if state.done or key in self._tasks:  # ended before, or a copy of one in flight
            self._offsets.done(record)
            return
        channel = self._channels[record.partition.topic]
        try:
            message = channel.decode(record)
        except NewerVersionError as error:
            self._tasks[key] = asyncio.create_task(self._hold(error))
            return
        except UnreadableError as error:
            self._unwritten.append(DeadLetter(record, "unreadable", error))
            return
        recipient, site = channel.recipient(message), channel.site(message)
        if not self._bulkheads[channel.topic].admits(recipient, site):
            backlog = TransientError("too many deliveries of this recipient are pending")
            self._unwritten.append(DeadLetter(record, "backlog", backlog))
            return
        pending = self._bulkheads[channel.topic].enter(recipient, site)
        size = len(record.value or b"")
        self._pending_bytes[channel.topic] += size
        deadline = EpochSeconds(record.timestamp / 1000 + channel.retry_seconds)
        delivery = _Delivery(channel, record, message, recipient, deadline)
        self._tasks[key] = task = asyncio.create_task(self._execute(delivery, state))
        # also if it is cancelled before it begins
        task.add_done_callback(lambda _: self._bulkheads[channel.topic].leave(pending))
        task.add_done_callback(lambda _: self._pending_bytes.subtract({channel.topic: size}))

    async def _execute(self, delivery: _Delivery, state: DeliveryState) -> None:
        channel, record = delivery.channel, delivery.record
        try:
            await self._deliver_with_retries(delivery, state)
        except GoneError as error:
            log.info("%s delivery skipped, recipient gone: %s", channel.name, error)
            result = "gone"
        except (TransientError, PermanentError) as error:
            reason = "refused" if isinstance(error, PermanentError) else "undelivered"
            self._unwritten.append(DeadLetter(record, reason, error))
            return
        except Exception as error:  # a bug in one channel must not stop the process, which also pays
            log.exception("%s delivery failed unexpectedly", channel.name)
            self._unwritten.append(DeadLetter(record, "defect", error))
            return
        else:
            result = "delivered"
        await self._end(record, result)

    async def _deliver_with_retries(self, delivery: _Delivery, state: DeliveryState) -> None:
        """Return when the delivery is made; raises the last TransientError, GoneError, PermanentError."""
        channel, deadline = delivery.channel, delivery.deadline
        attempt, due = state.attempts, state.due
        failure = TransientError("no attempt was made: the circuit of the recipient is open")
        while True:
            await asyncio.sleep(max(0.0, due - self._now()))
            attempt += 1
            remaining = max(0.0, deadline - self._now())
            try:
                async with asyncio.timeout(remaining + self._timing.overdue_attempt_timeout_seconds):
                    send = partial(channel.send, delivery.message, attempt)
                    await self._bulkheads[channel.topic].attempt(delivery.recipient, send)
                return
            except TransientError as error:
                failure = error
            except TimeoutError:
                raise failure from None
            next_due = self._timing.retries.next_attempt(
                self._now(), deadline, attempt, self._random_unit(), failure.retry_after
            )
            if next_due is None:
                raise failure
            due = next_due
            await self._save_state(delivery.record, DeliveryState(attempt, due))
            metrics.retries.labels(channel.name).inc()

    async def _save_state(self, record: Record, state: DeliveryState) -> None:
        ttl_seconds = self._channels[record.partition.topic].retry_seconds + STATE_RETENTION_SECONDS
        await self._states.save(delivery_key(record), state, ttl_seconds)

    async def _flush_dead_letters(self) -> None:
        """Write the dead letters; their deliveries have ended once they are durable."""
        letters, self._unwritten = self._unwritten, []
        if not letters:
            return
        await self._dead_letters.put(letters)
        for letter in letters:
            await self._end(letter.record, "failed")

    async def _end(self, record: Record, result: str) -> None:
        metrics.notifications.labels(self._channels[record.partition.topic].name, result).inc()
        await self._save_state(record, DeliveryState(done=True))
        self._offsets.done(record)

    async def _cancel_all(self) -> None:
        await super()._cancel_all()
        self._unwritten.clear()
