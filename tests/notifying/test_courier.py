"""The courier, over a log, a memory and a channel that obey."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from aiokafka.errors import KafkaConnectionError

from egress.notifying import courier as couriers
from egress.notifying import lanes, schedule
from egress.notifying.channel import FailedError, GoneError, RefusedError
from egress.notifying.courier import Courier, key_of
from egress.notifying.memory import Remembered
from schemas import dead_letters, metrics
from tests.egress.fake_dead_letters import FakeDeadLetters
from tests.notifying.fakes import DictMemory, FakeChannel, FakeGroupLog
from tests.notifying.messages import hook, record
from tests.waiting import eventually

DOWN = FailedError("told to fail", 503)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten every wait."""
    monkeypatch.setattr(schedule, "FIRST_SECONDS", 0.001)
    monkeypatch.setattr(schedule, "MOST_SECONDS", 0.01)
    monkeypatch.setattr(couriers, "COMMIT_SECONDS", 0.0)
    monkeypatch.setattr(couriers, "ROOM_SECONDS", 0.01)
    monkeypatch.setattr(couriers, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(lanes, "REST_SECONDS", 0.02)


class World:
    """A courier and everything around it."""

    def __init__(self) -> None:
        self.log = FakeGroupLog()
        self.memory = DictMemory()
        self.graves = FakeDeadLetters()
        self.channel = FakeChannel()
        self.caught_up = 0
        self.draw = 0.5
        self.task: asyncio.Task[None] | None = None

    def owe(self, *orders: str, restaurant: str = "r1", at: float | None = None) -> None:
        """Write deliveries."""
        written = int(1000 * (time.time() if at is None else at))
        for order in orders:
            self.log.append(record(hook(order, restaurant), event_id=f"id-of-{order}", at=written))

    async def catch_up(self) -> None:
        self.caught_up += 1

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run a courier for the length of the block."""
        courier = Courier(
            self.log, self.catch_up, self.memory, self.graves, [self.channel], draw=lambda: self.draw
        )
        self.task = asyncio.ensure_future(courier.run())
        try:
            yield
        finally:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError, KafkaConnectionError):
                await self.task

    async def done(self, seconds: float = 5.0) -> None:
        """Return when everything is committed."""
        await eventually(lambda: self.log.done, seconds)


@pytest.fixture
def world() -> World:
    """A world of its own."""
    return World()


def told(result: str) -> float:
    return float(metrics.notifications.labels("webhook", result)._value.get())


async def test_each_delivery_is_made_once_and_counted(world: World) -> None:
    """Contract: `promo_notifications_total{channel,result}`. The directory is current before anything is sent."""
    before = told("delivered")
    world.owe("o1", "o2", "o3")
    async with world.running():
        await world.done()
    assert sorted(world.channel.delivered) == ["o1", "o2", "o3"] and told("delivered") == before + 3
    assert world.caught_up


async def test_a_delivery_that_fails_is_tried_again_and_counted(world: World) -> None:
    """Contract: `promo_retries_total{name}`."""
    before = metrics.retries.labels("webhook")._value.get()
    world.owe("o1")
    world.channel.plan["o1"] = [DOWN, DOWN]
    async with world.running():
        await world.done()
    assert world.channel.tried == ["o1"] * 3 and world.channel.numbers == [1, 2, 3]
    assert metrics.retries.labels("webhook")._value.get() == before + 2


async def test_between_two_attempts_is_the_wait_that_was_drawn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is kept, so that a restart does not shorten it."""
    monkeypatch.setattr(schedule, "FIRST_SECONDS", 0.4)
    monkeypatch.setattr(schedule, "MOST_SECONDS", 0.4)
    world.draw = 0.75
    world.owe("o1")
    world.channel.plan["o1"] = [DOWN]
    async with world.running():
        await eventually(lambda: world.channel.numbers == [1])
        failed_at = time.time()
        await eventually(lambda: bool(world.memory.known))
        (known,) = world.memory.known.values()
        assert known.attempts == 1 and not known.done and known.due >= failed_at + 0.25
        await world.done()
    assert world.channel.numbers == [1, 2] and time.time() >= known.due


async def test_a_delivery_whose_time_is_over_becomes_a_dead_letter(world: World) -> None:
    """Bounded retries, then its DLQ; and the position goes on only then."""
    world.channel.retry_seconds = 0.1
    world.owe("o1", "o2")
    world.channel.plan["o1"] = [DOWN] * 10_000
    async with world.running():
        await world.done()
    (letter,) = world.graves.letters
    assert (letter.reason, letter.error) == ("undelivered", DOWN)
    assert letter.record.partition.topic == "webhook.deliveries" and world.channel.delivered == ["o2"]
    assert world.memory.known[key_of(letter.record)].done


async def test_a_delivery_that_was_late_before_it_was_read_is_tried_all_the_same(world: World) -> None:
    """After an outage of ours longer than its time nobody is left untold who can be told."""
    world.owe("o1", "o2", at=time.time() - 100_000)
    world.channel.plan["o2"] = [DOWN] * 10_000
    async with world.running():
        await world.done()
    assert world.channel.delivered == ["o1"]
    assert [letter.reason for letter in world.graves.letters] == ["undelivered"]


async def test_a_grave_that_cannot_be_dug_holds_the_position(world: World) -> None:
    """A dead letter is durable before its delivery counts as done."""
    world.channel.retry_seconds = 0.01
    world.owe("o1")
    world.channel.plan["o1"] = [RefusedError("no")] * 2
    world.graves.failures = 1
    async with world.running():
        assert world.task is not None
        with pytest.raises(KafkaConnectionError):
            await world.task
    assert not world.log.done
    async with world.running():
        await world.done()
    assert len(world.graves.letters) == 2, "copies of one: told by their place"


async def test_a_slow_recipient_holds_up_nobody_else(world: World) -> None:
    """Each has a lane of its own, and in it a few at a time."""
    never = asyncio.Event()
    slow = [f"s{n}" for n in range(50)]
    world.channel.plan = {order: [never] for order in slow}
    world.owe(*slow, restaurant="slow")
    world.owe(*(f"o{n}" for n in range(100)), restaurant="quick")
    async with world.running():
        await eventually(lambda: len(world.channel.delivered) == 100)
        assert world.channel.most_at_once["slow"] == FakeChannel.at_once
        assert world.log.committed[next(iter(world.log.records))] == 0
        never.set()
        await world.done()
    assert len(world.channel.delivered) == 150


async def test_a_broken_recipient_fills_half_of_the_places_at_most(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then its deliveries are set aside, to be put back when it is well; others go on."""
    monkeypatch.setattr(lanes, "MOST_PENDING", 20)
    never = asyncio.Event()
    world.channel.plan = {f"s{n}": [never] for n in range(40)}
    world.owe(*(f"s{n}" for n in range(40)), restaurant="slow")
    world.owe("o1", "o2", restaurant="quick")
    async with world.running():
        await eventually(lambda: sorted(world.channel.delivered) == ["o1", "o2"])
        assert {letter.reason for letter in world.graves.letters} == {"backlog"}
        assert len(world.graves.letters) == 30
        never.set()
        await world.done()


async def test_a_recipient_that_fails_is_left_alone_for_a_while_and_seen(world: World) -> None:
    """A circuit for each; contract: `promo_circuit_breaker_state{name}` shows the worst."""
    world.owe(*(f"o{n}" for n in range(30)))
    world.channel.plan = {f"o{n}": [DOWN] * 10_000 for n in range(30)}
    gauge = metrics.circuit_breaker_state
    async with world.running():
        await eventually(lambda: shown(gauge) == 2)
        tried = len(world.channel.tried)
        assert tried <= lanes.THRESHOLD + FakeChannel.at_once
        world.owe("q", restaurant="quick")
        await eventually(lambda: "q" in world.channel.delivered)
        world.channel.plan.clear()
        await world.done()
    assert shown(gauge) == 0


def shown(gauge: Any) -> float:
    samples = gauge.collect()[0].samples
    return float(next(s.value for s in samples if s.labels["name"] == "webhook"))


async def test_a_recipient_that_is_gone_is_no_failure_and_no_dead_letter(world: World) -> None:
    """It said that it wants no more."""
    before = told("gone")
    world.owe(*(f"o{n}" for n in range(20)))
    world.channel.plan = {f"o{n}": [GoneError("410")] for n in range(20)}
    async with world.running():
        await world.done()
    assert len(world.channel.tried) == 20 and not world.graves.letters and told("gone") == before + 20


async def test_a_defect_costs_one_delivery_and_not_the_process(world: World) -> None:
    """The payments run beside it; and the delivery is kept for when it is mended."""
    world.owe("o1", "o2")
    world.channel.plan["o1"] = [ZeroDivisionError("told to be a defect")]
    async with world.running():
        await world.done()
    assert world.graves.letters[0].reason == "defect" and world.channel.delivered == ["o2"]


async def test_a_delivery_that_can_never_be_made_is_set_aside_at_once(world: World) -> None:
    """An address that leads inside, keys that are none."""
    world.owe("o1")
    world.channel.plan["o1"] = [RefusedError("leads to no public address")]
    async with world.running():
        await world.done()
    assert world.channel.tried == ["o1"] and world.graves.letters[0].reason == "refused"


@pytest.mark.parametrize("remembers", [True, False])
async def test_a_courier_that_died_leaves_nothing_undone(world: World, remembers: bool) -> None:
    """kill -9: what was under way is made again; what was done is not, as long as Redis knows."""
    world.channel.plan["o0"] = [asyncio.Event()]
    orders = [f"o{n}" for n in range(20)]
    world.owe(*orders)
    async with world.running():
        await eventually(lambda: len(world.channel.delivered) == 19)
    if not remembers:
        world.memory.known.clear()
    async with world.running():
        await world.done()
    assert sorted(set(world.channel.delivered)) == sorted(orders)
    assert len(world.channel.delivered) == (20 if remembers else 39), "else again, under the same ids"


async def test_a_rebalance_begins_again_from_what_is_committed(world: World) -> None:
    """What was read before it may be another's, or ours again."""
    world.channel.plan["o0"] = [asyncio.Event()]
    world.owe("o0", "o1")
    async with world.running():
        await eventually(lambda: world.channel.delivered == ["o1"])
        world.log.reassigned = True
        await world.done()
    assert world.channel.delivered == ["o1", "o0"]


async def test_a_restarted_courier_goes_on_with_the_schedule(world: World) -> None:
    """Its restart is no reason to try all at once, nor to begin to count anew."""
    world.owe("o1", "o2")
    first = next(iter(world.log.records.values()))[0]
    world.memory.known[key_of(first)] = Remembered(7, time.time() + 0.3)
    async with world.running():
        await eventually(lambda: world.channel.delivered == ["o2"])
        await asyncio.sleep(0.1)
        assert world.channel.tried == ["o2"]
        await world.done()
    assert world.channel.numbers == [1, 8]


async def test_what_was_written_twice_is_delivered_once(world: World) -> None:
    """A dispatcher that died between writing and committing tells the same fact under the same id."""
    gate = asyncio.Event()
    world.channel.plan["o1"] = [gate]
    world.owe("o1", "o1", "o2")
    async with world.running():
        await eventually(lambda: world.channel.delivered == ["o2"])
        world.owe("o1")
        gate.set()
        await world.done()
        world.owe("o1")
        await world.done()
    assert world.channel.delivered == ["o2", "o1"]


async def test_the_ids_of_another_kafka_are_others_though_they_are_the_same(world: World) -> None:
    """A log that was begun anew beside the same Redis: its first orders have the ids of the old one's."""
    world.owe("o1")
    async with world.running():
        await world.done()
        other = msgspec.structs.replace(hook("o1"), body='{"timestamp":"later"}')
        world.log.append(record(other, event_id="id-of-o1", at=int(time.time() * 1000)))
        await world.done()
    assert world.channel.delivered == ["o1", "o1"]


async def test_what_an_operator_puts_back_is_delivered_though_it_had_died(world: World) -> None:
    """`dlq redrive`: the same id, a new life."""
    world.owe("o1")
    world.channel.plan["o1"] = [RefusedError("no")]
    async with world.running():
        await world.done()
        back = record(hook("o1"), event_id="id-of-o1", at=int(time.time() * 1000))
        marked = (*back.headers, (dead_letters.REDRIVEN, b"3/0"))
        world.log.append(msgspec.structs.replace(back, headers=marked))
        await world.done()
    assert world.channel.delivered == ["o1"]


async def test_what_cannot_be_read_is_set_aside_and_stops_nothing(world: World) -> None:
    """Poison."""
    good = record(hook("o1"), event_id="x")
    for value, key in (
        (b"{", b"r1"),
        (None, b"r1"),
        (None, None),
        (good.value, b"r2"),
        (b"[" * 10_000, b"r1"),
    ):
        world.log.append(msgspec.structs.replace(good, value=value, key=key, headers=()))
    world.owe("o2")
    async with world.running():
        await world.done()
    assert [letter.reason for letter in world.graves.letters] == ["unreadable"] * 5
    assert world.channel.delivered == ["o2"]
