"""The payment requests in Kafka, read as a member of a group of their own."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from egress.fact_log import Reassigned, Record
from egress.gateway.request_log import GROUP
from egress.kafka_fact_log import records_of
from egress.positions import Partition
from schemas import metrics
from schemas.letting_go import let_go
from schemas.settings import Settings
from schemas.topics import PAYMENT_REQUESTS

#: How long one read waits for requests, in milliseconds.
POLL_MS = 200
#: Longest silence of a broker on one request, in milliseconds; more than a fetch waits for data.
REQUEST_TIMEOUT_MS = 5_000
#: No request is read while too many are under way; the partitions are not lost for that, in milliseconds.
MAX_POLL_MS = 86_400_000


class KafkaRequestLog:
    """Reads `payment.requests`."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; `start` connects."""
        session_ms = int(settings.session_timeout_seconds * 1000)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap_servers,
            group_id=GROUP,
            group_instance_id=settings.instance or None,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 4,
            request_timeout_ms=max(REQUEST_TIMEOUT_MS, session_ms + 1000),
            max_poll_interval_ms=MAX_POLL_MS,
        )
        self._reassigned = False
        self._shown: set[tuple[str, str, str]] = set()  # whose lag is in metrics

    async def start(self) -> None:
        """Join the group; raises KafkaError."""
        self._consumer.subscribe([PAYMENT_REQUESTS.name], listener=_Listener(self))
        await self._consumer.start()

    async def stop(self) -> None:
        """Leave."""
        await let_go(self._consumer.stop())

    async def begin(self) -> None:
        """Go to the committed positions; raises Reassigned, KafkaError.

        Not left to the consumer: what it had fetched when it told of a rebalance was dropped.
        """
        self._reassigned = False
        partitions = self._consumer.assignment()
        beginnings = await self._consumer.beginning_offsets(partitions) if partitions else {}
        for tp in partitions:
            committed = await self._consumer.committed(tp)
            self._check()
            self._consumer.seek(tp, beginnings[tp] if committed is None else committed)
        for labels in self._shown:
            with suppress(KeyError):
                metrics.consumer_lag.remove(*labels)
        self._shown.clear()

    def tell_reassigned(self) -> None:
        """Take note of a rebalance: what was read before it belongs to another life."""
        self._reassigned = True

    async def read(self, most: int) -> list[Record]:
        """Return up to so many requests; raises Reassigned, KafkaError."""
        self._check()
        batches = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=most)
        self._check()
        return records_of(batches)

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """Keep the positions, and show how far they are from the end."""
        offsets = {TopicPartition(*partition): offset for partition, offset in positions.items()}
        if not offsets:
            return
        with suppress(KafkaError):  # the partitions may be another's by now
            await self._consumer.commit(offsets)
            for tp in offsets.keys() & self._consumer.assignment():
                lag = max(0, (self._consumer.last_stable_offset(tp) or 0) - offsets[tp])
                labels = (tp.topic, str(tp.partition), GROUP)
                metrics.consumer_lag.labels(*labels).set(lag)
                self._shown.add(labels)

    def _check(self) -> None:
        if self._reassigned:
            raise Reassigned


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Tells of every rebalance, when it begins and when it is done."""

    def __init__(self, log: KafkaRequestLog) -> None:
        self._log = log

    async def on_partitions_revoked(self, revoked: Any) -> None:
        self._log.tell_reassigned()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        self._log.tell_reassigned()
