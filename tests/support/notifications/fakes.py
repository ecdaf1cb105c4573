"""Fakes of Kafka, Redis and a channel, in memory."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiokafka.errors import KafkaConnectionError

from egress.kafka.records import OutboundRecord
from egress.notifications.channel import Channel
from egress.notifications.delivery_state import DeliveryState
from egress.notifications.webhooks.attempt_log import Attempt
from schemas.notifications import WebhookDelivery
from schemas.topics import WEBHOOK_DELIVERIES


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
