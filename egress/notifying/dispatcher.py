"""The dispatcher: facts in, deliveries out, the position kept behind what is written.

What it writes twice, after a crash, has the same id, and the courier carries it out once.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

from egress.fact_log import Reassigned, Record
from egress.fact_reading import UnreadableError, read
from egress.gateway.progress import Progress
from egress.gateway.request_log import RequestLog
from egress.notifying.outbox import Letter, Outbox
from egress.positions import Partition
from schemas import codec
from schemas.facts import Fact
from schemas.topics import (
    ORDER_CANCELLED,
    ORDER_CONFIRMED,
    ORDER_FAILED,
    ORDER_STATUS_CHANGED,
    PAYMENT_REFUNDED,
)

log = logging.getLogger(__name__)

#: The consumer group, in metrics and lag tools.
GROUP = "promo-notifications"
#: The facts that somebody may be told of.
TOPICS = tuple(
    topic.name
    for topic in (ORDER_CONFIRMED, ORDER_FAILED, ORDER_STATUS_CHANGED, ORDER_CANCELLED, PAYMENT_REFUNDED)
)
#: Most records in one batch.
MOST_RECORDS = 1_000
#: After each batch, in seconds: a notification may be this late, and a busy hour costs twenty batches a second.
PAUSE_SECONDS = 0.05
#: Between two commits, in seconds.
COMMIT_SECONDS = 1.0

#: Says whom a fact, under this id and trace, is to be told.
Teller = Callable[[Fact, str, bytes], Iterable[Letter]]


class Dispatcher:
    """Tells this process's share of the facts to whom they concern."""

    def __init__(
        self,
        facts: RequestLog,
        catch_up: Callable[[], Awaitable[None]],
        tellers: Sequence[Teller],
        outbox: Outbox,
    ) -> None:
        """Take the facts, how the directory gets to know all that was decided before them, and where they go."""
        self._facts = facts
        self._catch_up = catch_up
        self._tellers = tellers
        self._outbox = outbox
        self._progress: dict[Partition, Progress] = {}
        self._committed_at = 0.0

    async def run(self) -> None:
        """Work until cancelled; raises KafkaError."""
        while True:
            try:
                self._progress.clear()
                await self._facts.begin()
                while True:
                    await self._step()
            except Reassigned:
                log.info("the partitions of this process have changed")

    async def _step(self) -> None:
        records = await self._facts.read(MOST_RECORDS)
        if records:
            await self._catch_up()
            letters = [letter for record in records for letter in self._letters(record)]
            if letters:
                await self._outbox.send(letters)
            for record in records:
                progress = self._progress.setdefault(record.partition, Progress())
                progress.begin(record.offset)
                progress.finish(record.offset)
            await asyncio.sleep(PAUSE_SECONDS)
        now = time.monotonic()
        if now >= self._committed_at + COMMIT_SECONDS:
            self._committed_at = now
            await self._facts.commit({at: done.position for at, done in self._progress.items()})

    def _letters(self, record: Record) -> Iterable[Letter]:
        try:
            fact = read(record)
        except UnreadableError:
            return  # set aside by the projector
        if isinstance(fact, int):
            return
        event_id = codec.header(record.headers, "event-id")
        message_id = (
            event_id.decode(errors="replace")
            if event_id
            else f"{record.partition.topic}-{record.partition.number}-{record.offset}"
        )
        traceparent = codec.header(record.headers, "traceparent") or codec.NO_TRACE
        for tell in self._tellers:
            yield from tell(fact, message_id, traceparent)
