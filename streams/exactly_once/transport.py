"""Faust's transport, with source partitions handed whole to the layer.

Registered under the scheme `exactly-once://`. Everything that is not a source of the layer takes
Faust's normal way.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, cast

import aiokafka
import faust
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from faust.transport import drivers
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.exactly_once.layer import Layer

SCHEME = "exactly-once"


def register() -> None:
    """Make `exactly-once://host:port` a broker URL that Faust knows."""
    drivers.TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"


class App(faust.App):
    """A Faust application with an exactly-once layer."""

    layer: Layer


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread: sticky assignment, so that a rebalance moves as little state as it can."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._partition_assignment_strategy = (StickyPartitionAssignor,)
        # the loop is woken by the first byte; this bounds how long an idle fetch holds the broker
        consumer._fetch_max_wait_ms = 500
        return consumer

    async def on_thread_stop(self) -> None:
        """Leave the group: a static member does not by itself, and its partitions would wait for it."""
        if self._consumer is not None and self._consumer._coordinator is not None:
            self._consumer._coordinator._group_instance_id = None
        await super().on_thread_stop()


class Consumer(driver.Consumer):
    """Faust's consumer, whose positions of source partitions are those of the layer (rule 2)."""

    @property
    def _layer(self) -> Layer:
        return cast(App, self.app).layer

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """Fetch; feed the layer, and yield the messages that are not its own."""
        records, _ = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if not records or self.should_stop:
            return
        if not self.flow_active:
            await self.perform_seek()
            return
        for raw_tp, batch in records.items():
            tp = TP(raw_tp.topic, raw_tp.partition)
            if self._layer.owns(tp):
                if self._layer.feed(tp, batch):
                    self.on_buffer_full(tp)
                continue
            for record in batch:
                if not self.flow_active or self.app.consumer_generation_id != generation:
                    return
                yield tp, self._to_message(tp, record)

    def rewind(self, tp: TP, offset: int) -> None:
        """Fetch a source partition again from `offset`, if it still is this worker's."""
        if tp in self.assignment():
            self._thread.seek(tp, offset)

    def drained(self, tp: TP) -> None:
        """Go on fetching a source partition."""
        self.on_buffer_drop(tp)

    async def perform_seek(self) -> None:
        """Seek source partitions to the layer's positions, all others to what is committed."""
        await super().perform_seek()
        for tp in self._layer.partitions():
            if (position := self._layer.position(tp)) is not None:
                self.rewind(tp, position)

    async def wait_empty(self) -> None:
        """Wait until no transaction is under way."""
        await self._layer.stop()
        await super().wait_empty()

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        yield from super()._filter_tps_with_pending_acks(topics)
        for tp in self._layer.partitions():
            if topics is None or tp in topics or tp.topic in topics:
                yield tp

    def _new_offset(self, tp: TP) -> int | None:
        return self._layer.position(tp) if self._layer.owns(tp) else super()._new_offset(tp)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Watch what goes Faust's way; the layer's partitions have metrics of their own."""
        if not self._layer.owns(tp):
            super().verify_event_path(now, tp)


class Transport(driver.Transport):
    """Faust's aiokafka transport with the consumer above."""

    Consumer = Consumer
    driver_version = driver.Transport.driver_version


def source_partitions(layer: Layer, tps: Iterable[TP]) -> set[TP]:
    """Return those partitions that the layer processes."""
    return {TP(tp.topic, tp.partition) for tp in tps if layer.owns(TP(tp.topic, tp.partition))}
