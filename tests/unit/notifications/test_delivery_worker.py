"""The delivery worker, over an in-memory consumer, state store and channel."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import pytest
from aiokafka.errors import KafkaConnectionError
from prometheus_client import REGISTRY

from egress.notifications import bulkheads, delivery_worker
from egress.notifications.attempt_quotas import MAX_ATTEMPTS_PER_SITE
from egress.notifications.channel import GoneError
from egress.notifications.delivery_state import DeliveryState, delivery_key
from egress.notifications.delivery_worker import DeliveryTiming, DeliveryWorker
from egress.notifications.retry_schedule import RetrySchedule
from egress.resilience.errors import PermanentError, TransientError
from schemas import dead_letters
from schemas.notifications import PushDelivery
from schemas.topics import PUSH_DELIVERIES
from tests.support.egress.fake_consumer import FakeConsumer
from tests.support.egress.fake_dead_letters import FakeDeadLetters
from tests.support.egress.running import running
from tests.support.notifications.fakes import FakeChannel, InMemoryDeliveryStates
from tests.support.notifications.messages import record, webhook_delivery
from tests.support.virtual_clock import in_virtual_time
from tests.support.waiting import eventually

DOWN = TransientError("simulated failure", 503)
DAY = 86_400.0


class DeliveryHarness:
    """A delivery worker and everything around it."""

    def __init__(self) -> None:
        self.consumer = FakeConsumer()
        self.states = InMemoryDeliveryStates()
        self.dead_letters = FakeDeadLetters()
        self.channel = FakeChannel()
        self.channels = [self.channel]
        self.has_caught_up = False
        self.timing = DeliveryTiming()
        self.max_pending = bulkheads.MAX_PENDING

    def append(self, *orders: str, restaurant: str = "r1", at: float | None = None) -> None:
        """Append a delivery for each order, written `at` (seconds since 1970) or now."""
        written_ms = int(1000 * (time.time() if at is None else at))
        for order in orders:
            delivery = webhook_delivery(order, restaurant)
            self.consumer.append_record(record(delivery, event_id=f"id-of-{order}", at=written_ms))

    async def catch_up(self) -> None:
        self.has_caught_up = True

    def running(self) -> AbstractAsyncContextManager["asyncio.Task[None]"]:
        """Run a worker for the length of the block."""
        worker = DeliveryWorker(
            self.consumer,
            self.catch_up,
            self.states,
            self.dead_letters,
            self.channels,
            random_unit=lambda: 0.75,
            timing=self.timing,
            max_pending=self.max_pending,
        )
        return running(worker.run())

    async def all_committed(self) -> None:
        """Return when every record is committed."""
        await eventually(lambda: self.consumer.is_all_committed, DAY)

    @property
    def reasons(self) -> list[str]:
        """The reasons of the dead letters."""
        return [letter.reason for letter in self.dead_letters.letters]


@pytest.fixture
def harness() -> DeliveryHarness:
    """A harness without deliveries."""
    return DeliveryHarness()


def notifications(result: str) -> float:
    labels = {"channel": "webhook", "result": result}
    return REGISTRY.get_sample_value("promo_notifications_total", labels) or 0.0


def retries() -> float:
    return REGISTRY.get_sample_value("promo_retries_total", {"name": "webhook"}) or 0.0


def circuit_state() -> float | None:
    return REGISTRY.get_sample_value("promo_circuit_breaker_state", {"name": "webhook"})


@in_virtual_time
async def test_each_delivery_is_made_once_and_counted(harness: DeliveryHarness) -> None:
    """Contract: `promo_notifications_total{channel,result}`. Recipients are current before the first attempt."""
    before = notifications("delivered")
    harness.append("o1", "o2", "o3")
    async with harness.running():
        await harness.all_committed()
    assert sorted(harness.channel.delivered) == ["o1", "o2", "o3"]
    assert notifications("delivered") == before + 3
    assert harness.has_caught_up


@in_virtual_time
async def test_failed_delivery_is_retried_and_counted(harness: DeliveryHarness) -> None:
    """Contract: `promo_retries_total{name}`."""
    before = retries()
    harness.append("o1")
    harness.channel.plan["o1"] = [DOWN, DOWN]
    async with harness.running():
        await harness.all_committed()
    assert harness.channel.tried == ["o1"] * 3 and harness.channel.numbers == [1, 2, 3]
    assert retries() == before + 2


@in_virtual_time
async def test_retry_waits_for_the_drawn_delay(harness: DeliveryHarness) -> None:
    """The due time is saved, so a restart does not shorten the delay."""
    schedule = RetrySchedule(first_delay_seconds=40.0, max_delay_seconds=40.0)
    harness.timing = DeliveryTiming(retries=schedule)
    harness.append("o1")
    harness.channel.plan["o1"] = [DOWN]
    async with harness.running():
        await eventually(lambda: harness.channel.numbers == [1])
        failed_at = time.time()
        await eventually(lambda: bool(harness.states.states))
        (state,) = harness.states.states.values()
        assert state.attempts == 1 and not state.done and state.due >= failed_at + 25.0
        await harness.all_committed()
    assert harness.channel.numbers == [1, 2] and time.time() >= state.due


@in_virtual_time
async def test_expired_delivery_becomes_a_dead_letter(harness: DeliveryHarness) -> None:
    """Retries are bounded; the offset is committed only after the dead letter is written."""
    harness.channel.retry_seconds = 0.1
    harness.append("o1", "o2")
    harness.channel.plan["o1"] = [DOWN] * 10_000
    async with harness.running():
        await harness.all_committed()
    (letter,) = harness.dead_letters.letters
    assert (letter.reason, letter.error) == ("undelivered", DOWN)
    assert letter.record.partition.topic == "webhook.deliveries" and harness.channel.delivered == ["o2"]
    assert harness.states.states[delivery_key(letter.record)].done


@in_virtual_time
async def test_delivery_read_after_its_deadline_is_tried_once(harness: DeliveryHarness) -> None:
    """After an outage of egress that was longer than the retry time, reachable recipients still get theirs."""
    harness.append("o1", "o2", at=time.time() - 100_000)
    harness.channel.plan["o2"] = [DOWN] * 10_000
    async with harness.running():
        await harness.all_committed()
    assert harness.channel.delivered == ["o1"]
    assert harness.reasons == ["undelivered"]


@in_virtual_time
async def test_unwritten_dead_letter_blocks_the_commit(harness: DeliveryHarness) -> None:
    """A dead letter is durable before its delivery counts as ended."""
    harness.channel.retry_seconds = 0.01
    harness.append("o1")
    harness.channel.plan["o1"] = [PermanentError("no")] * 2
    harness.dead_letters.failures = 1
    async with harness.running() as task:
        with pytest.raises(KafkaConnectionError):
            await task
    assert not harness.consumer.is_all_committed
    async with harness.running():
        await harness.all_committed()
    assert len(harness.dead_letters.letters) == 2, "copies of one dead letter, with the same source offset"


@in_virtual_time
async def test_slow_recipient_delays_no_other(harness: DeliveryHarness) -> None:
    """Each recipient has a bulkhead with a concurrency limit: a lower one until it has answered."""
    unblocked = asyncio.Event()
    slow = [f"s{n}" for n in range(50)]
    harness.channel.plan = {order: [unblocked] for order in slow}
    harness.append("s", "o", restaurant="slow")  # these it answers
    async with harness.running():
        await eventually(lambda: len(harness.channel.delivered) == 2)
        assert harness.channel.max_in_flight["slow"] <= MAX_ATTEMPTS_PER_SITE
        harness.append(*slow, restaurant="slow")
        harness.append(*(f"o{n}" for n in range(98)), restaurant="quick")
        await eventually(lambda: len(harness.channel.delivered) == 100)
        assert harness.channel.max_in_flight["slow"] == FakeChannel.max_concurrency
        await asyncio.sleep(2 * harness.timing.commit_interval_seconds)
        committed = harness.consumer.committed[next(iter(harness.consumer.records))]
        assert committed == 2 * harness.consumer.step
        unblocked.set()
        await harness.all_committed()
    assert len(harness.channel.delivered) == 150


@pytest.mark.parametrize(("has_answered", "share"), [(True, 2), (False, 4)])
@in_virtual_time
async def test_broken_recipient_fills_a_share_of_the_slots(
    harness: DeliveryHarness, has_answered: bool, share: int
) -> None:
    """Its further deliveries become dead letters, to be redriven once it works; others go on.

    It has half of the slots at most, and a quarter if it has never answered.
    """
    harness.max_pending = 20
    unblocked = asyncio.Event()
    harness.channel.plan = {f"s{n}": [unblocked] for n in range(40)}
    if has_answered:
        harness.append("s", restaurant="slow")
    async with harness.running():
        await eventually(lambda: not has_answered or harness.consumer.is_all_committed)
        harness.append(*(f"s{n}" for n in range(40)), restaurant="slow")
        harness.append("o1", "o2", restaurant="quick")
        await eventually(lambda: {"o1", "o2"} <= set(harness.channel.delivered))
        assert harness.reasons == ["backlog"] * (40 - harness.max_pending // share)
        unblocked.set()
        await harness.all_committed()


class FakePushChannel(FakeChannel):
    """The same for pushes."""

    name = "push"
    topic = PUSH_DELIVERIES.name
    message_class = PushDelivery  # type: ignore[assignment]


@in_virtual_time
async def test_full_channel_is_not_read(harness: DeliveryHarness) -> None:
    """Its deliveries wait in the log until it has room, and the other channel goes on."""
    unblocked, pushes = asyncio.Event(), FakePushChannel()
    harness.max_pending = 40
    harness.channels.append(pushes)

    def append(order: str, restaurant: str) -> None:
        push = PushDelivery(restaurant, order, order, "{}", "b1")
        harness.consumer.append_record(record(push, event_id=order, at=int(time.time() * 1000)))

    for n in range(40):
        append(f"first-{n}", f"r{n}")
    async with harness.running():
        await eventually(lambda: len(pushes.delivered) == 40)  # they have answered
        pushes.plan = {f"p{n}": [unblocked] for n in range(40)}
        for n in range(40):
            append(f"p{n}", f"r{n}")
        append("last", "r0")
        await asyncio.sleep(5.0)
        harness.append("o1", "o2")
        await eventually(lambda: sorted(harness.channel.delivered) == ["o1", "o2"])
        assert not harness.consumer.is_all_read and not harness.reasons
        unblocked.set()
        await harness.all_committed()
    assert "last" in pushes.delivered


@in_virtual_time
async def test_pending_deliveries_keep_a_bound_in_bytes(
    harness: DeliveryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients choose how large an order is: ten thousand of the largest would need more memory than a process has."""
    monkeypatch.setattr(delivery_worker, "MAX_PENDING_BYTES", 1)
    monkeypatch.setattr(delivery_worker, "MAX_RECORDS", 1)
    unblocked = asyncio.Event()
    harness.channel.plan = {f"o{n}": [unblocked] for n in range(5)}
    harness.append(*(f"o{n}" for n in range(5)))
    async with harness.running():
        await asyncio.sleep(5)
        assert harness.channel.tried == ["o0"]
        unblocked.set()
        await harness.all_committed()


@in_virtual_time
async def test_circuit_opens_for_a_failing_recipient(harness: DeliveryHarness) -> None:
    """One circuit per recipient. Contract: `promo_circuit_breaker_state{name}` has the worst state."""
    harness.append(*(f"o{n}" for n in range(30)))
    harness.channel.plan = {f"o{n}": [DOWN] * 10_000 for n in range(30)}
    async with harness.running():
        await eventually(lambda: circuit_state() == 2)
        assert len(harness.channel.tried) <= bulkheads.FAILURE_THRESHOLD + FakeChannel.max_concurrency
        harness.append("q", restaurant="quick")
        await eventually(lambda: "q" in harness.channel.delivered)
        harness.channel.plan.clear()
        await harness.all_committed()
    assert circuit_state() == 0


@in_virtual_time
async def test_gone_recipient_is_neither_failure_nor_dead_letter(harness: DeliveryHarness) -> None:
    """A recipient that asks for no more messages is healthy: its circuit stays closed."""
    before = notifications("gone")
    harness.append(*(f"o{n}" for n in range(20)))
    harness.channel.plan = {f"o{n}": [GoneError("410")] for n in range(20)}
    async with harness.running():
        await harness.all_committed()
    assert len(harness.channel.tried) == 20 and not harness.reasons
    assert notifications("gone") == before + 20


@in_virtual_time
async def test_unexpected_error_becomes_a_dead_letter(harness: DeliveryHarness) -> None:
    """A bug of ours stops neither the other deliveries nor the process; the delivery is redriven after the fix."""
    harness.append("o1", "o2")
    harness.channel.plan["o1"] = [ZeroDivisionError("simulated bug")]
    async with harness.running():
        await harness.all_committed()
    assert harness.reasons == ["defect"] and harness.channel.delivered == ["o2"]


@in_virtual_time
async def test_permanent_error_is_not_retried(harness: DeliveryHarness) -> None:
    """Such as a URL with a private address, or invalid keys of a browser."""
    harness.append("o1")
    harness.channel.plan["o1"] = [PermanentError("no public address")]
    async with harness.running():
        await harness.all_committed()
    assert harness.channel.tried == ["o1"] and harness.reasons == ["refused"]


@pytest.mark.parametrize("has_states", [True, False])
@in_virtual_time
async def test_crash_loses_no_delivery(harness: DeliveryHarness, has_states: bool) -> None:
    """kill -9: deliveries in flight are made again; ended ones are not, unless their states are lost."""
    harness.channel.plan["o0"] = [asyncio.Event()]
    orders = [f"o{n}" for n in range(20)]
    harness.append(*orders)
    async with harness.running():
        await eventually(lambda: len(harness.channel.delivered) == 19)
    if not has_states:
        harness.states.states.clear()
    async with harness.running():
        await harness.all_committed()
    assert sorted(set(harness.channel.delivered)) == sorted(orders)
    assert len(harness.channel.delivered) == (20 if has_states else 39), "repeats have the same ids"


@in_virtual_time
async def test_rebalance_resumes_from_committed_offset(harness: DeliveryHarness) -> None:
    """Deliveries in flight are cancelled: their partition may be assigned elsewhere, or to this process again."""
    harness.channel.plan["o0"] = [asyncio.Event()]
    harness.append("o0", "o1")
    async with harness.running():
        await eventually(lambda: harness.channel.delivered == ["o1"])
        harness.consumer.is_reassigned = True
        await harness.all_committed()
    assert harness.channel.delivered == ["o1", "o0"]


@in_virtual_time
async def test_restart_keeps_the_retry_schedule(harness: DeliveryHarness) -> None:
    """It neither retries all deliveries at once nor counts attempts from one again."""
    harness.append("o1", "o2")
    first = next(iter(harness.consumer.records.values()))[0]
    harness.states.states[delivery_key(first)] = DeliveryState(7, time.time() + 30.0)
    async with harness.running():
        await eventually(lambda: harness.channel.delivered == ["o2"])
        await asyncio.sleep(20.0)
        assert harness.channel.tried == ["o2"]
        await harness.all_committed()
    assert harness.channel.numbers == [1, 8]


@in_virtual_time
async def test_copies_of_a_delivery_are_made_once(harness: DeliveryHarness) -> None:
    """A dispatcher that crashes between write and commit writes the same delivery again, with the same id."""
    unblocked = asyncio.Event()
    harness.channel.plan["o1"] = [unblocked]
    harness.append("o1", "o1", "o2")
    async with harness.running():
        await eventually(lambda: harness.channel.delivered == ["o2"])
        harness.append("o1")
        unblocked.set()
        await harness.all_committed()
        harness.append("o1")
        await harness.all_committed()
    assert harness.channel.delivered == ["o2", "o1"]


@in_virtual_time
async def test_event_ids_of_a_new_kafka_are_distinct(harness: DeliveryHarness) -> None:
    """If Kafka is set up again with the same Redis, the first orders have the event ids of the old ones."""
    harness.append("o1")
    async with harness.running():
        await harness.all_committed()
        other = msgspec.structs.replace(webhook_delivery("o1"), body='{"timestamp":"later"}')
        harness.consumer.append_record(record(other, event_id="id-of-o1", at=int(time.time() * 1000)))
        await harness.all_committed()
    assert harness.channel.delivered == ["o1", "o1"]


@in_virtual_time
async def test_redriven_dead_letter_is_delivered(harness: DeliveryHarness) -> None:
    """`dlq redrive` keeps the event id, but the delivery has a new key."""
    harness.append("o1")
    harness.channel.plan["o1"] = [PermanentError("no")]
    async with harness.running():
        await harness.all_committed()
        original = record(webhook_delivery("o1"), event_id="id-of-o1", at=int(time.time() * 1000))
        headers = (*original.headers, (dead_letters.REDRIVEN, b"3/0"))
        harness.consumer.append_record(msgspec.structs.replace(original, headers=headers))
        await harness.all_committed()
    assert harness.channel.delivered == ["o1"]


@in_virtual_time
async def test_unreadable_delivery_becomes_a_dead_letter(harness: DeliveryHarness) -> None:
    """The deliveries after it go on."""
    good = record(webhook_delivery("o1"), event_id="x")
    values_and_keys: list[tuple[Any, Any]] = [
        (b"{", b"r1"),
        (None, b"r1"),
        (None, None),
        (good.value, b"r2"),
        (b"[" * 10_000, b"r1"),
    ]
    for value, key in values_and_keys:
        harness.consumer.append_record(msgspec.structs.replace(good, value=value, key=key, headers=()))
    harness.append("o2")
    async with harness.running():
        await harness.all_committed()
    assert harness.reasons == ["unreadable"] * 5
    assert harness.channel.delivered == ["o2"]
