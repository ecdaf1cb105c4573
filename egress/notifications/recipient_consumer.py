"""The recipient registry, read from Kafka: all partitions from the first record, without a consumer group."""

import asyncio

from egress.kafka.consumers import MAX_PARTITION_BYTES, AllPartitionsConsumer
from egress.kafka.dead_letters import DeadLetter, DeadLetterSink
from egress.kafka.decoding import UnreadableError
from egress.notifications.recipients import RecipientRegistry
from schemas.settings import Settings
from schemas.topics import CATALOG_CHANGED, PUSH_SUBSCRIPTIONS

TOPICS = (CATALOG_CHANGED.name, PUSH_SUBSCRIPTIONS.name)


class RecipientConsumer(AllPartitionsConsumer):
    """Keeps a `registry` of recipients current. Unreadable subscriptions become dead letters."""

    def __init__(self, settings: Settings, dead_letters: DeadLetterSink) -> None:
        super().__init__(
            settings.kafka, TOPICS, settings.partitions, max_partition_fetch_bytes=MAX_PARTITION_BYTES
        )
        self.registry = RecipientRegistry()
        self._dead_letters = dead_letters
        self._progressed = asyncio.Condition()

    async def follow(self) -> None:
        """Apply records until cancelled; raises KafkaError, NewerVersionError."""
        while True:
            unreadable = []
            for record in await self.read():
                try:
                    self.registry.apply(record)
                except UnreadableError as error:
                    unreadable.append(DeadLetter(record, "unreadable", error))
            if unreadable:
                await self._dead_letters.put(unreadable)
            async with self._progressed:
                self._progressed.notify_all()

    async def catch_up(self) -> None:
        """Wait until `follow` has applied all records that are committed now; raises KafkaError."""
        ends = await self.ends(self.assigned())
        async with self._progressed:
            while not await self.has_reached(ends):
                await self._progressed.wait()
