"""Measures how long written records stay unreadable: an open transaction holds back the last stable offset."""

import asyncio
import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tests.checker.observations import VisibilityDelay

INTERVAL_SECONDS = 0.5
REQUEST_TIMEOUT_SECONDS = 3.0
#: Between two comparisons; a longer time is one in which the broker did not answer.
MAX_GAP_SECONDS = 2.0


class TransactionMonitor:
    """Compares the end offsets of two outside consumers, read_uncommitted and read_committed, twice a second."""

    def __init__(self, bootstrap: str, topics: list[str]) -> None:
        self.delays: list[VisibilityDelay] = []
        self._bootstrap = bootstrap
        self._topics = topics
        self._pending: dict[TopicPartition, tuple[int, float]] = {}  # an end, and since when it is written
        self._readable: dict[TopicPartition, int] = {}  # the last end that could be read
        self._compared_at = 0.0

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            written = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, request_timeout_ms=3000)
            readable = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap, isolation_level="read_committed", request_timeout_ms=3000
            )
            try:
                await written.start()
                await readable.start()
                while True:
                    async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                        await self._compare(written, readable)
                    await asyncio.sleep(INTERVAL_SECONDS)
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(INTERVAL_SECONDS)
            finally:
                await asyncio.gather(written.stop(), readable.stop(), return_exceptions=True)

    def close(self) -> None:
        """Count the delays that have not ended, as long as they are by now."""
        for tp, (_, since) in self._pending.items():
            self.delays.append(VisibilityDelay(tp.topic, tp.partition, time.monotonic() - since))

    async def _compare(self, written: AIOKafkaConsumer, readable: AIOKafkaConsumer) -> None:
        tps = [
            TopicPartition(topic, partition)
            for topic in self._topics
            for partition in await self._partitions(written, topic)
        ]
        requested_at = time.monotonic()
        ends = await written.end_offsets(tps)
        stable = await readable.end_offsets(tps)
        now = time.monotonic()
        self._leave_out_gap(requested_at)
        self._compared_at = now
        for tp in tps:
            if tp not in self._pending and ends[tp] > self._readable.get(tp, 0):
                self._pending[tp] = (ends[tp], requested_at)
            if tp in self._pending and stable[tp] >= self._pending[tp][0]:
                self._readable[tp], since = self._pending.pop(tp)
                self.delays.append(VisibilityDelay(tp.topic, tp.partition, now - since))

    def _leave_out_gap(self, now: float) -> None:
        """Move what is pending by the time in which the broker did not answer: nothing is known of it."""
        gap = now - self._compared_at
        if gap > MAX_GAP_SECONDS:
            self._pending = {tp: (end, since + gap) for tp, (end, since) in self._pending.items()}

    async def _partitions(self, consumer: AIOKafkaConsumer, topic: str) -> list[int]:
        await consumer._client._wait_on_metadata(topic)
        return sorted(consumer.partitions_for_topic(topic) or [])
