"""The courier: deliveries begun as they come, tried until they are taken or their time is over.

The position passes a delivery when it is done or set aside, so a courier that died leaves nothing
undone; what it had done beyond its position is remembered (memory.py), and else done again under
the same id.
"""

import asyncio
import contextlib
import hashlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from egress.dead_letters import DeadLetter, DeadLetters
from egress.fact_log import Reassigned, Record
from egress.fact_reading import UnreadableError
from egress.gateway.progress import Progress
from egress.gateway.request_log import RequestLog
from egress.notifying import lanes
from egress.notifying.channel import Channel, FailedError, GoneError, RefusedError
from egress.notifying.lanes import Lanes
from egress.notifying.memory import Memory, Remembered
from egress.notifying.schedule import next_attempt
from egress.positions import Partition
from schemas import codec, dead_letters, metrics

log = logging.getLogger(__name__)

#: The consumer group, in metrics and lag tools.
GROUP = "promo-deliveries"
#: Most records in one batch.
MOST_RECORDS = 500
#: Between two commits, in seconds.
COMMIT_SECONDS = 1.0
#: Between two looks whether there is room for more, in seconds.
ROOM_SECONDS = 0.2
#: How long an attempt that is due may wait for its turn when its delivery's time is over, in seconds: also one
#: that was late before it was read, as after an outage of ours, is tried once.
PATIENCE_SECONDS = 15.0
#: How much longer than it is tried a delivery is remembered, in seconds.
MEMORY_SECONDS = 3_600.0


class Courier:
    """Carries out this process's share of the deliveries."""

    def __init__(
        self,
        deliveries: RequestLog,
        catch_up: Callable[[], Awaitable[None]],
        memory: Memory,
        graves: DeadLetters,
        channels: Sequence[Channel[Any]],
        now: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Take where deliveries come from, what is remembered of them, where dead ones go, and who sends them.

        `catch_up` lets the directory get to know all that was known when a delivery was written.
        """
        self._deliveries = deliveries
        self._catch_up = catch_up
        self._memory = memory
        self._graves = graves
        self._channels = {channel.topic: channel for channel in channels}
        self._lanes = {channel.name: Lanes(channel.name, channel.at_once) for channel in channels}
        self._now = now
        self._draw = draw
        self._progress: dict[Partition, Progress] = {}
        self._errands: dict[str, asyncio.Task[None]] = {}  # by key
        self._dead: list[tuple[DeadLetter, str]] = []
        self._committed_at = 0.0

    async def run(self) -> None:
        """Work until cancelled; raises KafkaError."""
        while True:
            try:
                await self._deliveries.begin()
                while True:
                    await self._step()
            except Reassigned:
                log.info("the partitions of this process have changed")
            finally:
                await self._drop()

    async def _step(self) -> None:
        room = min(MOST_RECORDS, lanes.MOST_PENDING - len(self._errands))
        if room > 0:
            records = await self._deliveries.read(room)
            if records:  # perhaps written by a process whose directory was ahead of ours
                await self._catch_up()
            known = await self._memory.recall(list({key_of(record) for record in records}))
            for record in records:
                self._begin(record, known)
        else:
            await asyncio.sleep(ROOM_SECONDS)
        for key in [key for key, errand in self._errands.items() if errand.done()]:
            self._errands.pop(key).result()
        await self._bury()
        now = time.monotonic()
        if now >= self._committed_at + COMMIT_SECONDS:
            self._committed_at = now
            await self._deliveries.commit({at: done.position for at, done in self._progress.items()})

    def _begin(self, record: Record, known: Mapping[str, Remembered]) -> None:
        self._progress.setdefault(record.partition, Progress()).begin(record.offset)
        key = key_of(record)
        held = known.get(key, Remembered())
        if held.done or key in self._errands:  # the first of two stands before this one, and is done first
            self._finish(record)
            return
        channel = self._channels[record.partition.topic]
        try:
            delivery = channel.read(record)
        except UnreadableError as error:
            self._set_aside(channel, record, "unreadable", error)
            return
        recipient, line = channel.recipient(delivery), self._lanes[channel.name]
        if not lanes.admits(line.pending(recipient), lanes.MOST_PENDING - len(self._errands)):
            self._set_aside(
                channel, record, "backlog", FailedError("too many deliveries wait for this recipient")
            )
            return
        line.enter(recipient)
        self._errands[key] = asyncio.create_task(self._carry_out(channel, record, delivery, held))

    async def _carry_out(
        self, channel: Channel[Any], record: Record, delivery: Any, held: Remembered
    ) -> None:
        recipient = channel.recipient(delivery)
        try:
            await self._insist(channel, record, delivery, held)
        except GoneError as error:
            log.info("%s: %s", channel.name, error)
            metrics.notifications.labels(channel.name, "gone").inc()
        except (FailedError, RefusedError) as error:
            reason = "refused" if isinstance(error, RefusedError) else "undelivered"
            self._set_aside(channel, record, reason, error)
            return
        except Exception as error:  # a defect of ours must not stop the payments beside us, again and again
            log.exception("a delivery failed as nobody expected")
            self._set_aside(channel, record, "defect", error)
            return
        else:
            metrics.notifications.labels(channel.name, "delivered").inc()
        finally:
            self._lanes[channel.name].leave(recipient)
        await self._remember(channel, record, Remembered(done=True))
        self._finish(record)

    async def _insist(self, channel: Channel[Any], record: Record, delivery: Any, held: Remembered) -> None:
        """Return when it is delivered; raises the last FailedError, GoneError, RefusedError."""
        deadline = record.timestamp / 1000 + channel.retry_seconds
        recipient, attempt, due = channel.recipient(delivery), held.attempts, held.due
        failure = FailedError("no attempt was made: the recipient's circuit is open")
        while True:
            await asyncio.sleep(max(0.0, due - self._now()))
            attempt += 1
            try:
                async with asyncio.timeout(max(0.0, deadline - self._now()) + PATIENCE_SECONDS):
                    make = partial(channel.send, delivery, attempt)
                    await self._lanes[channel.name].attempt(recipient, make)
                return
            except FailedError as error:
                failure = error
            except TimeoutError:
                raise failure from None
            again = next_attempt(self._now(), deadline, attempt, self._draw(), failure.retry_after)
            if again is None:
                raise failure
            due = again
            await self._remember(channel, record, Remembered(attempt, due))
            metrics.retries.labels(channel.name).inc()

    async def _remember(self, channel: Channel[Any], record: Record, known: Remembered) -> None:
        await self._memory.remember(key_of(record), known, channel.retry_seconds + MEMORY_SECONDS)

    def _finish(self, record: Record) -> None:
        self._progress[record.partition].finish(record.offset)

    def _set_aside(self, channel: Channel[Any], record: Record, reason: str, error: Exception) -> None:
        self._dead.append((DeadLetter(record, reason, error), channel.name))

    async def _bury(self) -> None:
        """Write all that is dead at once; only then is it done with."""
        buried, self._dead = self._dead, []
        if not buried:
            return
        await self._graves.put([letter for letter, _ in buried])
        for letter, name in buried:
            metrics.notifications.labels(name, "failed").inc()
            await self._remember(
                self._channels[letter.record.partition.topic], letter.record, Remembered(done=True)
            )
            self._finish(letter.record)

    async def _drop(self) -> None:
        """Leave every errand; those whose partitions stay ours are begun again."""
        errands = list(self._errands.values())
        for errand in errands:
            errand.cancel()
        for errand in errands:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await errand
        self._errands.clear()
        self._progress.clear()
        self._dead.clear()


def key_of(record: Record) -> str:
    """Return what tells this delivery from all others.

    Of what was written twice the key is the same. One that was put back has another than the one that
    died; and so has one of another Kafka, whose ids begin anew: the value has times in it.
    """
    place = f"{record.partition.topic}-{record.partition.number}-{record.offset}"
    event_id = codec.header(record.headers, "event-id")
    again = dead_letters.last(record.headers, dead_letters.REDRIVEN)
    name = event_id.decode(errors="replace") if event_id else place
    content = hashlib.blake2b(record.value or b"", digest_size=8).hexdigest()
    redriven = f"~{again.decode(errors='replace')}" if again else ""
    return f"{record.partition.topic}:{name}:{content}{redriven}"
