"""The directory read from Kafka: every partition, from the first record, as a member of no group."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from egress.dead_letters import DeadLetter, DeadLetters
from egress.fact_reading import UnreadableError
from egress.kafka_fact_log import records_of
from egress.notifying.directory import Directory
from schemas.letting_go import let_go
from schemas.settings import Settings
from schemas.topics import CATALOG_CHANGED, PUSH_SUBSCRIPTIONS

TOPICS = (CATALOG_CHANGED.name, PUSH_SUBSCRIPTIONS.name)

#: How long one read waits, in milliseconds.
POLL_MS = 500
#: Longest silence of a broker on one request, in milliseconds; more than a fetch waits for data.
REQUEST_TIMEOUT_MS = 5_000


class KafkaDirectory:
    """Keeps a directory current."""

    def __init__(
        self, settings: Settings, dead_letters: DeadLetters | None, topics: Sequence[str] = TOPICS
    ) -> None:
        """Take the settings, and where goes what cannot be read; `start` connects."""
        self.held = Directory()
        self._dead_letters = dead_letters
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap_servers,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        self._partitions = [TopicPartition(t, p) for t in topics for p in range(settings.partitions)]
        self._moved = asyncio.Condition()

    async def start(self) -> None:
        """Connect; raises KafkaError."""
        await self._consumer.start()
        self._consumer.assign(self._partitions)

    async def stop(self) -> None:
        """Let go."""
        await let_go(self._consumer.stop())

    async def follow(self) -> None:
        """Take what comes until cancelled; raises KafkaError."""
        while True:
            unreadable = []
            for record in records_of(await self._consumer.getmany(timeout_ms=POLL_MS)):
                try:
                    self.held.take(record)
                except UnreadableError as error:
                    unreadable.append(DeadLetter(record, "unreadable", error))
            if unreadable and self._dead_letters is not None:
                await self._dead_letters.put(unreadable)
            async with self._moved:
                self._moved.notify_all()

    async def catch_up(self) -> None:
        """Return when all that is committed now has been taken by `follow`; raises KafkaError."""
        ends = await self._consumer.end_offsets(self._partitions)
        async with self._moved:
            while any([await self._consumer.position(tp) < ends[tp] for tp in self._partitions]):
                await self._moved.wait()
