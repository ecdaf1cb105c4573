"""The dispatcher, over a log and an outbox in memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

import msgspec
import pytest
from aiokafka.errors import KafkaConnectionError

from egress.notifying import dispatcher as dispatchers
from egress.notifying.dispatcher import Dispatcher
from egress.notifying.outbox import Letter
from schemas.facts import Fact
from tests.notifying.fakes import FakeGroupLog, FakeOutbox
from tests.notifying.messages import confirmed, hook, record
from tests.waiting import eventually


class World:
    """A dispatcher and everything around it."""

    def __init__(self) -> None:
        self.facts = FakeGroupLog()
        self.outbox = FakeOutbox()
        self.events: list[str] = []

    async def catch_up(self) -> None:
        self.events.append("caught up")

    def tell(self, fact: Fact, message_id: str, traceparent: bytes) -> Iterable[Letter]:
        self.events.append("asked")
        yield Letter("webhook.deliveries", message_id, hook(fact.order_id), traceparent)  # type: ignore[union-attr]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.ensure_future(Dispatcher(self.facts, self.catch_up, [self.tell], self.outbox).run())
        try:
            yield task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, KafkaConnectionError):
                await task

    @property
    def told(self) -> list[str]:
        return [letter.event_id for letter in self.outbox.letters]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world of its own, in a hurry."""
    monkeypatch.setattr(dispatchers, "COMMIT_SECONDS", 0.0)
    monkeypatch.setattr(dispatchers, "PAUSE_SECONDS", 0.0)
    return World()


async def test_facts_are_told_in_their_order_once_the_directory_knows_all_before_them(world: World) -> None:
    """A webhook that was put a moment before the order is told of it."""
    world.facts.append(*(record(confirmed(f"o{n}"), event_id=f"e{n}") for n in range(5)))
    async with world.running():
        await eventually(lambda: world.facts.done)
    assert world.told == [f"e{n}" for n in range(5)]
    assert world.events[0] == "caught up"


async def test_what_could_not_be_written_is_told_again_under_the_same_id(world: World) -> None:
    """The position stays behind what is written; whoever comes next does it again."""
    world.facts.append(record(confirmed("o1"), event_id="e1"))
    world.outbox.failures = 1
    async with world.running() as task:
        with pytest.raises(KafkaConnectionError):
            await task
    assert not world.facts.done
    async with world.running():
        await eventually(lambda: world.facts.done)
    assert world.told == ["e1", "e1"]


async def test_a_fact_that_cannot_be_read_stops_nothing(world: World) -> None:
    """The projector sets it aside."""
    good = record(confirmed("o1"), event_id="e1")
    world.facts.append(
        msgspec.structs.replace(good, value=b"{"), msgspec.structs.replace(good, value=None), good
    )
    async with world.running():
        await eventually(lambda: world.facts.done)
    assert world.told == ["e1"]


async def test_a_fact_without_an_id_is_told_by_its_place(world: World) -> None:
    """Whatever it is, it must be the same when it is told again."""
    world.facts.append(msgspec.structs.replace(record(confirmed("o1")), headers=()))
    async with world.running():
        await eventually(lambda: world.facts.done)
    assert world.told == ["order.confirmed-3-0"]
