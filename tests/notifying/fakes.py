"""What stands in for Kafka and Redis: logs by hand, letters in a list, a memory that can be emptied."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.errors import KafkaConnectionError

from egress.fact_log import Reassigned, Record
from egress.notifying.channel import Channel
from egress.notifying.memory import Remembered
from egress.notifying.outbox import Letter
from egress.notifying.reading import read
from egress.positions import Partition
from egress.webhooks.ledger import Attempt
from schemas.notifications import WebhookDelivery
from schemas.topics import WEBHOOK_DELIVERIES


class FakeGroupLog:
    """Holds records, read like Kafka's by a group, with rebalances at will."""

    def __init__(self) -> None:
        self.records: dict[Partition, list[Record]] = {}
        self.at: dict[Partition, int] = {}
        self.committed: dict[Partition, int] = {}
        self.reassigned = False

    def append(self, *records: Record) -> None:
        """Write records, each behind the last of its partition, with a gap as transactions leave them."""
        for record in records:
            held = self.records.setdefault(record.partition, [])
            held.append(
                Record(
                    record.partition,
                    2 * len(held),
                    record.value,
                    record.key,
                    record.headers,
                    record.timestamp,
                )
            )

    @property
    def done(self) -> bool:
        """Whether all is committed."""
        return all(self.committed.get(at, 0) == held[-1].offset + 1 for at, held in self.records.items())

    async def begin(self) -> None:
        self.reassigned = False
        self.at = dict(self.committed)

    async def read(self, most: int) -> list[Record]:
        await asyncio.sleep(0.001)
        if self.reassigned:
            raise Reassigned
        found: list[Record] = []
        for at, records in self.records.items():
            new = [r for r in records if r.offset >= self.at.get(at, 0)][: most - len(found)]
            found += new
            if new:
                self.at[at] = new[-1].offset + 1
        return found

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        self.committed |= positions


class FakeOutbox:
    """Keeps letters; the next `failures` fail, each after it was written."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.failures = 0

    async def send(self, letters: Sequence[Letter]) -> None:
        await asyncio.sleep(0)
        self.letters += letters
        if self.failures:
            self.failures -= 1
            raise KafkaConnectionError("told to fail")


class DictMemory:
    """Remembers in this process."""

    def __init__(self) -> None:
        self.known: dict[str, Remembered] = {}

    async def recall(self, keys: Sequence[str]) -> Mapping[str, Remembered]:
        return {key: self.known[key] for key in keys if key in self.known}

    async def remember(self, key: str, known: Remembered, seconds: float) -> None:
        self.known[key] = known


class DictLedger:
    """Keeps attempts and switches in this process."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, Attempt]] = []
        self.off: dict[str, str] = {}

    async def note(self, restaurant_id: str, attempt: Attempt) -> None:
        self.noted.insert(0, (restaurant_id, attempt))

    async def attempts(self, restaurant_id: str, most: int) -> list[Attempt]:
        return [attempt for held, attempt in self.noted if held == restaurant_id][:most]

    async def is_off(self, restaurant_id: str, url: str) -> bool:
        return self.off.get(restaurant_id) == url

    async def switch_off(self, restaurant_id: str, url: str) -> None:
        self.off[restaurant_id] = url

    async def switch_on(self, restaurant_id: str) -> bool:
        return self.off.pop(restaurant_id, None) is not None


class FakeChannel(Channel[WebhookDelivery]):
    """Answers as `plan` says for each order, in turn: nothing, an exception, or an event to wait for; then delivers."""

    name = "webhook"
    topic = WEBHOOK_DELIVERIES.name
    at_once = 4
    retry_seconds = 3_600.0

    def __init__(self) -> None:
        self.plan: dict[str, list[Any]] = {}
        self.tried: list[str] = []
        self.numbers: list[int] = []
        self.delivered: list[str] = []
        self.under_way: dict[str, int] = {}
        self.most_at_once: dict[str, int] = {}

    def read(self, record: Record) -> WebhookDelivery:
        return read(WebhookDelivery, record)

    def recipient(self, delivery: WebhookDelivery) -> str:
        return delivery.restaurant_id

    async def send(self, delivery: WebhookDelivery, attempt: int) -> None:
        order, to = delivery.order_id, delivery.restaurant_id
        self.tried.append(order)
        self.numbers.append(attempt)
        self.under_way[to] = self.under_way.get(to, 0) + 1
        self.most_at_once[to] = max(self.under_way[to], self.most_at_once.get(to, 0))
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
            self.under_way[to] -= 1
