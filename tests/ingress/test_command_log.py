"""The command log, over producers that fail as aiokafka's do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
from aiokafka.errors import KafkaConnectionError, OutOfOrderSequenceNumber

from ingress import command_log
from ingress.command_log import KafkaCommandLog
from ingress.problems import Problem


class StubProducer:
    """One of a series of producers; `plan` says how the sends of each one end, in turn."""

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
async def log_over(*plan: Any) -> AsyncIterator[KafkaCommandLog]:
    """Yield a log over producers of which the first ones follow the plan; later ones write everything."""
    StubProducer.made, StubProducer.plan = [], list(plan)
    log = KafkaCommandLog("x:1")
    task = asyncio.ensure_future(log.run())
    try:
        yield log
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert all(producer.stopped for producer in StubProducer.made)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the producer, and shorten every wait."""
    monkeypatch.setattr(command_log, "AIOKafkaProducer", StubProducer)
    monkeypatch.setattr(command_log, "WRITE_SECONDS", 0.2)
    monkeypatch.setattr(command_log, "RECONNECT_SECONDS", 0.01)


async def send(log: KafkaCommandLog) -> None:
    await log.send(b"r1", b"{}", [])


async def test_writes_are_idempotent_and_acknowledged_by_all() -> None:
    """A command that was answered for is in the log, once."""
    async with log_over() as log:
        await send(log)
    kwargs = StubProducer.made[0].kwargs
    assert kwargs["enable_idempotence"] and kwargs["acks"] == "all" and kwargs["linger_ms"] == 0


async def test_a_producer_that_died_is_replaced_and_the_command_written() -> None:
    """An idempotent producer whose sequence is broken refuses everything from then on."""
    async with log_over(OutOfOrderSequenceNumber()) as log:
        await asyncio.gather(*(send(log) for _ in range(5)))
    assert len(StubProducer.made) == 2


async def test_a_command_is_not_tried_for_ever() -> None:
    """What kills two producers may be the command; the next command gets a new one."""
    async with log_over(OutOfOrderSequenceNumber(), OutOfOrderSequenceNumber()) as log:
        with pytest.raises(Problem, match="unavailable"):
            await send(log)
        await send(log)
    assert len(StubProducer.made) == 3


async def test_a_write_that_is_not_acknowledged_in_time_is_unavailable() -> None:
    """Nobody knows whether it was written; the producer goes on trying, so it is not replaced."""
    async with log_over("hangs") as log:
        with pytest.raises(Problem, match="unavailable"):
            await send(log)
    assert len(StubProducer.made) == 1


async def test_without_a_broker_writes_are_unavailable_until_there_is_one() -> None:
    """Nothing waits longer than its time, and nothing has to be restarted."""
    async with log_over(*["no broker"] * 10_000) as log:
        with pytest.raises(Problem, match="unavailable"):
            await send(log)
        assert not await log.is_reachable()
        StubProducer.plan.clear()
        await asyncio.wait_for(log.wait_connected(), 1)
        await send(log)
