"""Fakes of Kafka, Redis and a channel, in memory."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiokafka.errors import KafkaConnectionError

from egress.kafka.records import OutboundRecord, Partition, PartitionsReassigned, Record
from egress.notifications.channel import Channel
from egress.notifications.delivery_state import DeliveryState
from egress.notifications.webhooks.attempt_log import Attempt
from schemas.notifications import WebhookDelivery
from schemas.topics import WEBHOOK_DELIVERIES


class FakeGroupConsumer:
    """A consumer of records that tests append; setting `reassigned` simulates a rebalance."""

    def __init__(self) -> None:
        self.records: dict[Partition, list[Record]] = {}
        self.positions: dict[Partition, int] = {}
        self.committed: dict[Partition, int] = {}
        self.reassigned = False

    def append(self, *records: Record) -> None:
        """Append records, with gaps in the offsets as transactions leave them."""
        for record in records:
            records_of_partition = self.records.setdefault(record.partition, [])
            records_of_partition.append(
                Record(
                    record.partition,
                    2 * len(records_of_partition),
                    record.value,
                    record.key,
                    record.headers,
                    record.timestamp,
                )
            )

    @property
    def is_done(self) -> bool:
        """True if all records are committed."""
        ends = {partition: records[-1].offset + 1 for partition, records in self.records.items()}
        return all(self.committed.get(partition, 0) == end for partition, end in ends.items())

    async def begin(self) -> None:
        self.reassigned = False
        self.positions = dict(self.committed)

    async def read(self, max_records: int) -> list[Record]:
        await asyncio.sleep(0.001)
        if self.reassigned:
            raise PartitionsReassigned
        found: list[Record] = []
        for partition, records in self.records.items():
            new = [r for r in records if r.offset >= self.positions.get(partition, 0)][
                : max_records - len(found)
            ]
            found += new
            if new:
                self.positions[partition] = new[-1].offset + 1
        return found

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        self.committed |= offsets


class FakeDeliveryProducer:
    """Keeps records; the next `failures` calls raise after the records were written."""

    def __init__(self) -> None:
        self.records: list[OutboundRecord] = []
        self.failures = 0

    async def write(self, records: Iterable[OutboundRecord]) -> None:
        await asyncio.sleep(0)
        self.records += records
        if self.failures:
            self.failures -= 1
            raise KafkaConnectionError("simulated failure")


class InMemoryDeliveryStates:
    """Delivery states in a dict."""

    def __init__(self) -> None:
        self.states: dict[str, DeliveryState] = {}

    async def load(self, keys: Sequence[str]) -> Mapping[str, DeliveryState]:
        return {key: self.states[key] for key in keys if key in self.states}

    async def save(self, key: str, state: DeliveryState, ttl_seconds: float) -> None:
        self.states[key] = state


class InMemoryAttemptLog:
    """Attempts, newest first, and disabled webhooks in memory."""

    def __init__(self) -> None:
        self.recorded: list[tuple[str, Attempt]] = []
        self.disabled: dict[str, str] = {}

    async def record(self, restaurant_id: str, attempt: Attempt) -> None:
        self.recorded.insert(0, (restaurant_id, attempt))

    async def attempts(self, restaurant_id: str, limit: int) -> list[Attempt]:
        return [attempt for owner, attempt in self.recorded if owner == restaurant_id][:limit]

    async def is_disabled(self, restaurant_id: str, url: str) -> bool:
        return self.disabled.get(restaurant_id) == url

    async def disable(self, restaurant_id: str, url: str) -> None:
        self.disabled[restaurant_id] = url

    async def enable(self, restaurant_id: str) -> bool:
        return self.disabled.pop(restaurant_id, None) is not None


class FakeChannel(Channel[WebhookDelivery]):
    """Delivers, after the outcomes that `plan` has for an order: an exception to raise, or an event to wait for.

    `tried` and `delivered` are order ids; `numbers` are the attempt numbers.
    """

    name = "webhook"
    topic = WEBHOOK_DELIVERIES.name
    message_class = WebhookDelivery
    max_concurrency = 4
    retry_seconds = 3_600.0

    def __init__(self) -> None:
        self.plan: dict[str, list[Any]] = {}
        self.tried: list[str] = []
        self.numbers: list[int] = []
        self.delivered: list[str] = []
        self.in_flight: dict[str, int] = {}
        self.max_in_flight: dict[str, int] = {}

    def recipient(self, delivery: WebhookDelivery) -> str:
        return delivery.restaurant_id

    async def send(self, delivery: WebhookDelivery, attempt: int) -> None:
        order, restaurant = delivery.order_id, delivery.restaurant_id
        self.tried.append(order)
        self.numbers.append(attempt)
        self.in_flight[restaurant] = self.in_flight.get(restaurant, 0) + 1
        self.max_in_flight[restaurant] = max(
            self.in_flight[restaurant], self.max_in_flight.get(restaurant, 0)
        )
        try:
            await asyncio.sleep(0)
            planned = self.plan.get(order)
            outcome = planned.pop(0) if planned else None
            if isinstance(outcome, asyncio.Event):
                await outcome.wait()
                outcome = None
            if outcome is not None:
                raise outcome
            self.delivered.append(order)
        finally:
            self.in_flight[restaurant] -= 1
