"""Topics in Kafka whose records are carried out: read as a member of a group, from what is committed as done."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from egress.fact_log import Reassigned, Record
from egress.kafka_fact_log import gathering, records_of
from egress.positions import Partition
from schemas.letting_go import let_go
from schemas.settings import Settings
from schemas.telemetry.lag import Lag

#: How long one read waits for requests, in milliseconds.
POLL_MS = 200
#: Longest silence of a broker on one request, in milliseconds; more than a fetch waits for data.
REQUEST_TIMEOUT_MS = 5_000
#: No request is read while too many are under way; the partitions are not lost for that, in milliseconds.
MAX_POLL_MS = 86_400_000


class KafkaGroupLog:
    """Reads this process's share of some topics."""

    def __init__(
        self,
        settings: Settings,
        group: str,
        topics: Sequence[str],
        newest_seconds: float | None = None,
        gather_ms: int | None = None,
    ) -> None:
        """Take the settings, the group and its topics; `start` connects.

        Where the group has committed nothing it begins with the first record, or with those of the last
        `newest_seconds`. The broker lets records gather for `gather_ms`, where it is given: an answer costs
        it more than a record.
        """
        self._group = group
        self._topics = topics
        self._newest_seconds = newest_seconds
        session_ms = int(settings.session_timeout_seconds * 1000)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap_servers,
            group_id=group,
            group_instance_id=settings.instance or None,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 4,
            request_timeout_ms=max(REQUEST_TIMEOUT_MS, session_ms + 1000),
            max_poll_interval_ms=MAX_POLL_MS,
            **gathering(gather_ms),
        )
        self._reassigned = False
        self._lag = Lag(group)

    async def start(self) -> None:
        """Join the group; raises KafkaError."""
        self._consumer.subscribe(self._topics, listener=_Listener(self))
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
        for tp in partitions:
            committed = await self._consumer.committed(tp)
            start = await self._first(tp) if committed is None else committed
            self._check()
            self._consumer.seek(tp, start)
        self._lag.show({})

    async def _first(self, tp: TopicPartition) -> int:
        """Return where to begin with a partition of which nothing is done."""
        if self._newest_seconds is None:
            return int((await self._consumer.beginning_offsets([tp]))[tp])
        since = int((time.time() - self._newest_seconds) * 1000)
        end = (await self._consumer.end_offsets([tp]))[tp]  # asked first: what comes meanwhile is not missed
        found = (await self._consumer.offsets_for_times({tp: since}))[tp]
        return int(end if found is None else found.offset)

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
            ours = offsets.keys() & self._consumer.assignment()
            self._lag.show({tp: (self._consumer.last_stable_offset(tp) or 0) - offsets[tp] for tp in ours})

    def _check(self) -> None:
        if self._reassigned:
            raise Reassigned


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Tells of every rebalance, when it begins and when it is done."""

    def __init__(self, log: KafkaGroupLog) -> None:
        self._log = log

    async def on_partitions_revoked(self, revoked: Any) -> None:
        self._log.tell_reassigned()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        self._log.tell_reassigned()
