"""Watches the end of what can be read follow the end of what is written: an open transaction holds it back."""

import asyncio
import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tests.checker.observations import Wait

PAUSE = 0.5
ANSWER_SECONDS = 3.0


class Watch:
    """The partitions that transactions write to, looked at twice a second by two outside readers."""

    def __init__(self, bootstrap: str, topics: list[str]) -> None:
        self.waits: list[Wait] = []
        self._bootstrap = bootstrap
        self._topics = topics
        self._open: dict[TopicPartition, tuple[int, float]] = {}  # an end, and since when it is to be read
        self._read: dict[TopicPartition, int] = {}  # the last end that could be read

    async def look_on(self) -> None:
        """Look until cancelled."""
        while True:
            written = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, request_timeout_ms=3000)
            readable = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap, isolation_level="read_committed", request_timeout_ms=3000
            )
            try:
                await written.start()
                await readable.start()
                while True:
                    async with asyncio.timeout(ANSWER_SECONDS):
                        await self._look(written, readable)
                    await asyncio.sleep(PAUSE)
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(PAUSE)
            finally:
                await asyncio.gather(written.stop(), readable.stop(), return_exceptions=True)

    def close(self) -> None:
        """What is still open counts as it is."""
        for tp, (_, since) in self._open.items():
            self.waits.append(Wait(tp.topic, tp.partition, time.monotonic() - since))

    async def _look(self, written: AIOKafkaConsumer, readable: AIOKafkaConsumer) -> None:
        tps = [
            TopicPartition(topic, partition)
            for topic in self._topics
            for partition in await self._partitions(written, topic)
        ]
        asked_at = time.monotonic()
        ends = await written.end_offsets(tps)
        stable = await readable.end_offsets(tps)
        now = time.monotonic()
        for tp in tps:
            if tp not in self._open and ends[tp] > self._read.get(tp, 0):
                self._open[tp] = (ends[tp], asked_at)
            if tp in self._open and stable[tp] >= self._open[tp][0]:
                self._read[tp], since = self._open.pop(tp)
                self.waits.append(Wait(tp.topic, tp.partition, now - since))

    async def _partitions(self, consumer: AIOKafkaConsumer, topic: str) -> list[int]:
        await consumer._client._wait_on_metadata(topic)
        return sorted(consumer.partitions_for_topic(topic) or [])
