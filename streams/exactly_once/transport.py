"""Faust's transport; records of source partitions go to the exactly-once runtime.

Registered under the URL scheme `exactly-once://`. Topics that are no source of the runtime are processed as in
plain Faust. Each override names the behaviour of faust-streaming 0.15 that it depends on.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, cast

import aiokafka
import faust
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from faust.transport import drivers
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from schemas.runtime.kafka_clients import make_consumer, make_producer
from schemas.timestamps import MonotonicSeconds
from streams.exactly_once.runtime import ExactlyOnceRuntime

SCHEME = "exactly-once"

#: How long the broker keeps a fetch without records; the first byte ends it.
MAX_FETCH_WAIT_MS = 500


def register() -> None:
    """Make `exactly-once://host:port` a broker URL that Faust knows."""
    drivers.TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"


class App(faust.App):
    """A Faust application with an exactly-once runtime."""

    runtime: ExactlyOnceRuntime


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread, with sticky assignment: a rebalance moves as few partitions as possible."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        """Faust's own version fixes the assignor and the fetch wait, and makes the client itself."""
        conf = self.app.conf
        return make_consumer(
            self.app.runtime.settings.connection,
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            isolation_level="read_uncommitted",  # the source is written without transactions
            auto_offset_reset=conf.consumer_auto_offset_reset,
            partition_assignment_strategy=(StickyPartitionAssignor,),
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=_milliseconds(conf.broker_max_poll_interval or 0),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=MAX_FETCH_WAIT_MS,
            request_timeout_ms=_milliseconds(conf.broker_request_timeout),
            session_timeout_ms=_milliseconds(conf.broker_session_timeout),
            rebalance_timeout_ms=_milliseconds(conf.broker_rebalance_timeout),
            heartbeat_interval_ms=_milliseconds(conf.broker_heartbeat_interval),
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
        )

    async def on_thread_stop(self) -> None:
        """Faust stops the consumer here, and aiokafka lets a static member stay in the group.

        Its partitions would have no owner until the session times out. Without the instance id, aiokafka leaves.
        """
        if self._consumer is not None and self._consumer._coordinator is not None:
            self._consumer._coordinator._group_instance_id = None
        await super().on_thread_stop()


class Consumer(driver.Consumer):
    """Faust's consumer; the positions of source partitions are those of the runtime (rule 2)."""

    @property
    def _runtime(self) -> ExactlyOnceRuntime:
        return cast(App, self.app).runtime

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """Feed the runtime with its records, and yield the others.

        Faust's fetcher passes on what this yields. As in Faust's own version, records are dropped if the flow was
        stopped, or the group's generation has changed, while they were fetched.
        """
        records, _ = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if not records or self.should_stop:
            return
        if not self.flow_active:
            await self.perform_seek()
            return
        for raw_tp, batch in records.items():
            tp = TP(raw_tp.topic, raw_tp.partition)
            if self._runtime.owns(tp):
                if self._runtime.feed(tp, batch):
                    self.on_buffer_full(tp)
                continue
            for record in batch:
                if not self.flow_active or self.app.consumer_generation_id != generation:
                    return
                yield tp, self._to_message(tp, record)

    def rewind(self, tp: TP, offset: int) -> None:
        """Fetch a source partition again from `offset`, if this worker still has it."""
        if tp in self.assignment():
            self._thread.seek(tp, offset)

    def resume_fetching(self, tp: TP) -> None:
        """Fetch a source partition again after its queue was full."""
        self.on_buffer_drop(tp)

    async def perform_seek(self) -> None:
        """Faust seeks all partitions to their committed offsets, which for source partitions are only a hint."""
        await super().perform_seek()
        for tp in self._runtime.partitions():
            if (position := self._runtime.position(tp)) is not None:
                self.rewind(tp, position)

    async def wait_empty(self) -> None:
        """Faust awaits this in a rebalance, before it gives partitions up: no transaction may be open then."""
        await self._runtime.stop()
        await super().wait_empty()

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        """Faust's periodic commit covers the partitions with acknowledged messages; source partitions have none."""
        yield from super()._filter_tps_with_pending_acks(topics)
        for tp in self._runtime.partitions():
            if topics is None or tp in topics or tp.topic in topics:
                yield tp

    def _new_offset(self, tp: TP) -> int | None:
        """The offset that Faust commits: the runtime's position, for tools that show the lag."""
        return self._runtime.offset_to_commit(tp) if self._runtime.owns(tp) else super()._new_offset(tp)

    def verify_event_path(self, now: MonotonicSeconds, tp: TP) -> None:
        """Faust warns of partitions whose streams do not progress; source partitions have no stream."""
        if not self._runtime.owns(tp):
            super().verify_event_path(now, tp)


class Producer(driver.Producer):
    """Faust's producer, for what the application sends outside the transactions, such as ticks."""

    def _new_producer(self, transactional_id: str | None = None) -> aiokafka.AIOKafkaProducer:
        # not idempotent: an error in the sequence would end the producer, and with it the worker
        return make_producer(
            cast(App, self.app).runtime.settings.connection,
            enable_idempotence=False,
            client_id=self.client_id,
            partitioner=self.partitioner,
            max_batch_size=self.max_batch_size,
            max_request_size=self.max_request_size,
            request_timeout_ms=_milliseconds(self.request_timeout),
        )


class Transport(driver.Transport):
    """Faust's aiokafka transport with the consumer and the producer above."""

    Consumer = Consumer
    Producer = Producer
    driver_version = driver.Transport.driver_version


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def source_partitions(runtime: ExactlyOnceRuntime, tps: Iterable[TP]) -> set[TP]:
    """Return those partitions that the runtime processes."""
    return {TP(tp.topic, tp.partition) for tp in tps if runtime.owns(TP(tp.topic, tp.partition))}
