"""The dispatcher, over an in-memory consumer and producer."""

import asyncio
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager

import msgspec
import pytest
from aiokafka.errors import KafkaConnectionError

from egress.kafka.producer import encode
from egress.kafka.records import OutboundRecord, Record
from egress.notifications.dispatcher import Dispatcher
from schemas.facts import Fact
from tests.support.egress.fake_consumer import FakeConsumer
from tests.support.egress.running import running
from tests.support.notifications.fakes import FakeDeliveryProducer
from tests.support.notifications.messages import confirmed, event_id, record, webhook_delivery
from tests.support.virtual_clock import in_virtual_time
from tests.support.waiting import eventually


class DispatchHarness:
    """A dispatcher and everything around it."""

    def __init__(self) -> None:
        self.facts = FakeConsumer()
        self.producer = FakeDeliveryProducer()
        self.calls: list[str] = []

    async def catch_up(self) -> None:
        self.calls.append("catch_up")

    def append(self, *facts: Record) -> None:
        for fact in facts:
            self.facts.append_record(fact)

    def build(self, fact: Fact, message_id: str, traceparent: bytes) -> Iterable[OutboundRecord]:
        self.calls.append("build")
        delivery = webhook_delivery(fact.order_id)  # type: ignore[union-attr]
        yield encode("webhook.deliveries", delivery, message_id, traceparent)

    def running(self) -> AbstractAsyncContextManager["asyncio.Task[None]"]:
        """Run a dispatcher for the length of the block."""
        dispatcher = Dispatcher(self.facts, self.catch_up, [self.build], self.producer)
        return running(dispatcher.run())

    async def all_committed(self) -> None:
        """Return when every fact is committed."""
        await eventually(lambda: self.facts.is_all_committed)

    @property
    def event_ids(self) -> list[str]:
        """The event ids of the messages, in order."""
        return [event_id(record) for record in self.producer.records]


@pytest.fixture
def harness() -> DispatchHarness:
    """A harness without facts."""
    return DispatchHarness()


@in_virtual_time
async def test_facts_are_dispatched_in_order_after_catching_up(harness: DispatchHarness) -> None:
    """A webhook that was set just before an order gets its notifications."""
    harness.append(*(record(confirmed(f"o{n}"), event_id=f"e{n}") for n in range(5)))
    async with harness.running():
        await harness.all_committed()
    assert harness.event_ids == [f"e{n}" for n in range(5)]
    assert harness.calls[0] == "catch_up"


@in_virtual_time
async def test_failed_write_is_repeated_with_the_same_id(harness: DispatchHarness) -> None:
    """The offset is committed after the write, so the next dispatcher builds the same messages again."""
    harness.append(record(confirmed("o1"), event_id="e1"))
    harness.producer.failures = 1
    async with harness.running() as task:
        with pytest.raises(KafkaConnectionError):
            await task
    assert not harness.facts.is_all_committed
    async with harness.running():
        await harness.all_committed()
    assert harness.event_ids == ["e1", "e1"]


@in_virtual_time
async def test_unreadable_fact_is_skipped(harness: DispatchHarness) -> None:
    """The projector writes it to the dead-letter topic."""
    good = record(confirmed("o1"), event_id="e1")
    unreadable = [msgspec.structs.replace(good, value=value) for value in (b"{", None)]
    harness.append(*unreadable, good)
    async with harness.running():
        await harness.all_committed()
    assert harness.event_ids == ["e1"]


@in_virtual_time
async def test_fact_without_event_id_is_named_by_its_offset(harness: DispatchHarness) -> None:
    """The message id must be the same when the fact is dispatched again."""
    harness.append(msgspec.structs.replace(record(confirmed("o1")), headers=()))
    async with harness.running():
        await harness.all_committed()
    assert harness.event_ids == ["order.confirmed-3-0"]
