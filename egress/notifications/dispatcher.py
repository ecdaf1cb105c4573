"""Dispatcher: reads order facts, writes one delivery per fact and recipient.

An offset is committed once the deliveries of its fact are durable. After a crash a fact may be dispatched
again: its deliveries have the same event ids, and the delivery worker makes each once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from egress.kafka.decoding import UnreadableError, decode_fact
from egress.kafka.group_worker import GroupWorker
from egress.kafka.ports import RecordSink, RecordSource
from egress.kafka.records import OutboundRecord, Record
from schemas.facts import Fact

#: Records in one batch.
MAX_RECORDS = 1_000
#: After a batch, so that facts gather: it delays a notification by this much, and limits the batches of a busy hour.
BATCH_INTERVAL_SECONDS = 0.05
COMMIT_INTERVAL_SECONDS = 1.0

#: Returns the messages for the recipients of a fact. Arguments: the fact, its event id, its traceparent.
NotificationBuilder = Callable[[Fact, str, bytes], Iterable[OutboundRecord]]


class Dispatcher(GroupWorker):
    """Dispatches the facts of the partitions that are assigned to this process.

    Args:
        catch_up: waits until the recipient registry has all that was committed so far. It is awaited before
            each batch, so a webhook that was set before an order gets its notifications.
    """

    name = "dispatcher"

    def __init__(
        self,
        facts: RecordSource,
        catch_up: Callable[[], Awaitable[None]],
        builders: Sequence[NotificationBuilder],
        deliveries: RecordSink,
        batch_interval_seconds: float = BATCH_INTERVAL_SECONDS,
        commit_interval_seconds: float = COMMIT_INTERVAL_SECONDS,
    ) -> None:
        super().__init__(facts, commit_interval_seconds)
        self._catch_up = catch_up
        self._builders = builders
        self._deliveries = deliveries
        self._batch_interval_seconds = batch_interval_seconds

    async def _step(self) -> None:
        records = await self._source.read(MAX_RECORDS)
        if not records:
            return
        await self._catch_up()
        await self._deliveries.write([message for record in records for message in self._build(record)])
        for record in records:
            self._offsets.start(record)
            self._offsets.done(record)
        await asyncio.sleep(self._batch_interval_seconds)

    def _build(self, record: Record) -> Iterable[OutboundRecord]:
        try:
            fact = decode_fact(record)
        except UnreadableError:
            return  # the projector writes it to the dead-letter topic
        for build in self._builders:
            yield from build(fact, record.event_id, record.traceparent)
