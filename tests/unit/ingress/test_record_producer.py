"""The record producer, over Kafka producers that fail as aiokafka's do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
from aiokafka.errors import KafkaConnectionError, OutOfOrderSequenceNumber

from ingress.commands.producer import KafkaRecordProducer
from ingress.http.problems import Problem
from schemas.kafka_connection import KafkaConnection
from schemas.runtime import kafka_clients
from schemas.topics import ORDER_COMMANDS
from tests.support.virtual_clock import in_virtual_time


class StubProducer:
    """One of a series of Kafka producers; `plan` has the outcome of each one's sends, in turn."""

    plan: ClassVar[list[Any]] = []
    made: ClassVar[list["StubProducer"]] = []

    def __init__(self, **kwargs: Any) -> None:
        self.kwargs = kwargs
        self.outcome = self.plan[len(self.made)] if len(self.made) < len(self.plan) else None
        self.sent = 0
        self.stopped = False
        self.made.append(self)
        self.client = self

    async def start(self) -> None:
        if self.outcome == "no broker":
            raise KafkaConnectionError("no broker")

    async def stop(self) -> None:
        self.stopped = True

    async def partitions_for(self, topic: str) -> set[int]:
        return {0}

    async def send(self, *args: Any, **kwargs: Any) -> "asyncio.Future[None]":
        self.sent += 1
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if isinstance(self.outcome, Exception):
            written.set_exception(self.outcome)
        elif self.outcome != "hangs":
            written.set_result(None)
        return written


@contextlib.asynccontextmanager
async def producer_over(*plan: Any) -> AsyncIterator[KafkaRecordProducer]:
    """Yield a producer over stubs: the first ones follow the plan, later ones write everything."""
    StubProducer.made, StubProducer.plan = [], list(plan)
    producer = KafkaRecordProducer(KafkaConnection("x:1"))
    task = asyncio.ensure_future(producer.run())
    try:
        yield producer
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert all(stub.stopped for stub in StubProducer.made)


@pytest.fixture(autouse=True)
def stub_producer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace aiokafka's producer."""
    monkeypatch.setattr(kafka_clients, "AIOKafkaProducer", StubProducer)


async def send(producer: KafkaRecordProducer) -> None:
    await producer.send(ORDER_COMMANDS.name, b"r1", b"{}", [])


@in_virtual_time
async def test_writes_are_idempotent_and_durable() -> None:
    """A command whose client got an answer is in the topic, once."""
    async with producer_over() as producer:
        await send(producer)
    kwargs = StubProducer.made[0].kwargs
    assert kwargs["enable_idempotence"] and kwargs["acks"] == "all" and kwargs["linger_ms"] == 0


@in_virtual_time
async def test_failed_producer_is_replaced() -> None:
    """An idempotent producer whose sequence is broken rejects every further record."""
    async with producer_over(OutOfOrderSequenceNumber()) as producer:
        await asyncio.gather(*(send(producer) for _ in range(5)))
    assert len(StubProducer.made) == 2


@in_virtual_time
async def test_attempts_are_bounded() -> None:
    """The record may be what breaks two producers; the next record gets a new one."""
    async with producer_over(OutOfOrderSequenceNumber(), OutOfOrderSequenceNumber()) as producer:
        with pytest.raises(Problem, match="unavailable"):
            await send(producer)
        await send(producer)
    assert len(StubProducer.made) == 3


@in_virtual_time
async def test_unacknowledged_write_is_unavailable() -> None:
    """It is not known whether it was written; the producer keeps retrying, so it is not replaced."""
    async with producer_over("hangs") as producer:
        with pytest.raises(Problem, match="unavailable"):
            await send(producer)
    assert len(StubProducer.made) == 1


@in_virtual_time
async def test_writes_recover_with_the_broker() -> None:
    """No write waits longer than its timeout, and nothing has to be restarted."""
    async with producer_over(*["no broker"] * 10_000) as producer:
        with pytest.raises(Problem, match="unavailable"):
            await send(producer)
        assert not await producer.is_reachable()
        StubProducer.plan.clear()
        await asyncio.wait_for(producer.connected.wait(), 60)
        await send(producer)
