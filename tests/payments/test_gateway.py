"""The gateway, over a request log, a result log and a provider in memory."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from aiokafka.errors import KafkaConnectionError

from egress import retrying
from egress.gateway import clerk as clerks
from egress.gateway import gateway as gateways
from egress.gateway.breaker import Breaker
from egress.gateway.budget import RetryBudget
from egress.gateway.clerk import Clerk
from egress.gateway.gateway import Gateway
from egress.gateway.provider import FailedError, RefusedError
from schemas import metrics
from tests.egress.fake_dead_letters import FakeDeadLetters
from tests.payments.fakes import FAR, FakeProvider, FakeRequestLog, FakeResultLog, request
from tests.waiting import eventually

DOWN = FailedError("told to fail")


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten every wait."""
    monkeypatch.setattr(retrying, "FIRST_SECONDS", 0.001)
    monkeypatch.setattr(clerks, "REFUND_PAUSE", 0.005)
    monkeypatch.setattr(clerks, "AUTHORISE_PAUSE", 0.005)
    monkeypatch.setattr(gateways, "COMMIT_SECONDS", 0.0)
    monkeypatch.setattr(gateways, "ROOM_SECONDS", 0.01)


class World:
    """A gateway and everything around it."""

    def __init__(self) -> None:
        self.provider = FakeProvider()
        self.requests = FakeRequestLog()
        self.results = FakeResultLog()
        self.dead = FakeDeadLetters()
        self.task: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def running(self, threshold: int = 1_000, budget: RetryBudget | None = None) -> AsyncIterator[None]:
        """Run a gateway for the length of the block."""
        breaker = await Breaker.make("test", threshold, rest_seconds=0.05)
        clerk = Clerk(self.provider, breaker, budget or RetryBudget(reserve=10_000))
        self.task = asyncio.ensure_future(Gateway(self.requests, self.results, self.dead, clerk).run())
        try:
            yield
        finally:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError, KafkaConnectionError):
                await self.task

    async def done(self, number: int = 0, seconds: float = 5.0) -> None:
        """Return when all requests of a partition are committed."""
        last = self.requests.records[number][-1].offset
        await eventually(lambda: self.requests.committed.get(number) == last + 1, seconds)


@pytest.fixture
def world() -> World:
    """A world of its own."""
    return World()


async def test_requests_become_results(world: World) -> None:
    """The main job."""
    world.requests.append(0, request("o1"))
    world.requests.append(1, request("o2", "refund"))
    world.requests.append(0, request("o3"))
    world.provider.plan["o3"] = ["declined"]
    async with world.running():
        await world.done(0)
        await world.done(1)
    assert sorted(world.results.results) == [
        ("o1", "authorise", "authorised"),
        ("o2", "refund", "refunded"),
        ("o3", "authorise", "declined"),
    ]


async def test_a_request_that_hangs_stops_no_other_and_holds_the_position(world: World) -> None:
    """Calls go beside each other; offsets are committed up to the first that is not finished."""
    never = asyncio.Event()
    world.provider.plan["o0"] = [never]
    for n in range(100):
        world.requests.append(0, request(f"o{n}"))
    async with world.running():
        await eventually(lambda: len(world.results.results) == 99)
        await asyncio.sleep(0.02)
        assert world.requests.committed[0] == 0
        never.set()
        await world.done()
    assert world.provider.most_at_once <= clerks.CALLS


async def test_a_gateway_that_died_loses_no_request(world: World) -> None:
    """kill -9: what was not committed is done again."""
    world.provider.plan["o0"] = [asyncio.Event()]
    for n in range(20):
        world.requests.append(0, request(f"o{n}"))
    async with world.running():
        await eventually(lambda: len(world.results.results) == 19)
    async with world.running():
        await world.done()
    assert {order for order, _, _ in world.results.results} == {f"o{n}" for n in range(20)}


async def test_a_rebalance_begins_again_from_what_is_committed(world: World) -> None:
    """What was read before it may be another's, or ours again."""
    world.provider.plan["o0"] = [asyncio.Event()]
    for n in range(20):
        world.requests.append(0, request(f"o{n}"))
    async with world.running():
        await eventually(lambda: len(world.results.results) == 19)
        world.requests.reassigned = True
        await world.done()
    assert Counter(world.results.results)["o0", "authorise", "authorised"] == 1


async def test_a_result_that_cannot_be_written_is_not_passed(world: World) -> None:
    """The position stays, whoever comes next asks the provider again, and the stream takes it once."""
    world.requests.append(0, request("o1"))
    world.results.failures = 1
    async with world.running():
        assert world.task is not None
        with pytest.raises(KafkaConnectionError):
            await world.task
    assert not world.requests.committed.get(0)
    async with world.running():
        await world.done()
    assert world.results.results == [("o1", "authorise", "authorised")] * 2


async def test_a_failed_call_is_made_again_and_counted(world: World) -> None:
    """Contract: `promo_retries_total{name}`."""
    world.requests.append(0, request("o1"))
    world.provider.plan["o1"] = [DOWN, DOWN]
    before = metrics.retries.labels("payments")._value.get()
    async with world.running():
        await world.done()
    assert world.provider.asked == ["o1"] * 3
    assert metrics.retries.labels("payments")._value.get() == before + 2


async def test_an_authorisation_is_tried_so_often_and_then_given_up(world: World) -> None:
    """Every retry has a limit; the stream times the reservation out by itself."""
    world.requests.append(0, request("o1"))
    world.provider.plan["o1"] = [DOWN] * 100
    async with world.running():
        await world.done()
    assert len(world.provider.asked) == clerks.MOST_ATTEMPTS and not world.results.results


async def test_an_authorisation_is_not_tried_after_its_deadline(world: World) -> None:
    """A request from before a long outage."""
    world.requests.append(0, request("o1", deadline=1))
    async with world.running():
        await world.done()
    assert not world.provider.asked and not world.results.results


async def test_while_the_circuit_is_open_authorisations_wait_until_their_deadline(world: World) -> None:
    """Kept and tried again later; then dropped, though the provider is still away."""
    soon = time.time_ns() // 1_000_000 + 300
    world.requests.append(0, request("o1"))
    world.provider.plan["o1"] = [DOWN] * 100
    for n in range(2, 10):
        world.requests.append(0, request(f"o{n}", deadline=soon))
        world.provider.plan[f"o{n}"] = [DOWN] * 100
    async with world.running(threshold=1):
        await eventually(lambda: time.time() * 1000 > soon + 100)
        assert not world.results.results
        world.provider.plan = {}
        await world.done()
    assert world.results.results == [("o1", "authorise", "authorised")]


async def test_a_refund_is_tried_for_ever(world: World) -> None:
    """Money that is owed is not forgotten, however long the provider is away."""
    world.requests.append(0, request("o1", "refund"))
    world.provider.plan["o1"] = [DOWN] * 60
    async with world.running(threshold=40):
        await eventually(lambda: len(world.provider.asked) > 45)
        age = metrics.payments_oldest.labels("refund")
        pending = [
            s.value for s in metrics.payments_pending.collect()[0].samples if s.labels["kind"] == "refund"
        ]
        assert pending == [1] and age.collect()[0].samples[0].value > 0, "and is seen"
        await world.done(seconds=20)
    assert world.results.results == [("o1", "refund", "refunded")]


async def test_retries_of_all_together_keep_to_the_budget(world: World) -> None:
    """A provider that is down gets no multiple of the load."""
    for n in range(100):
        world.requests.append(0, request(f"o{n}", "refund"))
        world.provider.plan[f"o{n}"] = [DOWN] * 1_000
    async with world.running(budget=RetryBudget(share=0.2, reserve=10, per_second=0)):
        await eventually(lambda: len(world.provider.asked) >= 110)
        await asyncio.sleep(0.3)
        assert len(world.provider.asked) <= 100 + 10 + 20


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"r1", b"{"),
        (b"r1", None),
        (None, None),
        (b"r1", b"[" * 10_000),
        (
            b"r2",
            b'{"restaurant_id":"r1","order_id":"o","kind":"refund","amount":{"amount":1},"method":"pix"}',
        ),
        (
            b"r1",
            b'{"restaurant_id":"r1","order_id":"o","kind":"authorise","amount":{"amount":1},"method":"pix"}',
        ),
        (b"r1", b'{"restaurant_id":"r1","order_id":"o","kind":"steal","amount":{"amount":1},"method":"pix"}'),
    ],
)
async def test_a_request_that_cannot_be_read_is_set_aside(
    world: World, key: bytes | None, value: bytes | None
) -> None:
    """A poison message stops no payment; its bytes and the reason are kept."""
    world.requests.append_raw(0, value, key)
    world.requests.append(0, request("o1"))
    async with world.running():
        await world.done()
    ((record, reason, _),) = world.dead.letters
    assert (record.key, record.value, record.offset, reason) == (key, value, 0, "unreadable")
    assert world.results.results == [("o1", "authorise", "authorised")]


async def test_a_request_that_the_provider_refuses_is_set_aside(world: World) -> None:
    """Asking again would not help, and a person has to look."""
    world.requests.append(0, request("o1", "refund"))
    world.provider.plan["o1"] = [RefusedError("422: another amount")]
    async with world.running():
        await world.done()
    assert [letter.reason for letter in world.dead.letters] == ["refused"] and not world.results.results


async def test_a_dead_letter_that_cannot_be_written_is_not_passed(world: World) -> None:
    """Written before the position moves."""
    world.requests.append_raw(0, b"{")
    world.dead.failures = 1
    async with world.running():
        assert world.task is not None
        with pytest.raises(KafkaConnectionError):
            await world.task
    assert not world.requests.committed.get(0)


async def test_an_answer_that_says_it_comes_twice_is_handed_on_twice(world: World) -> None:
    """Providers call back more than once; the stream takes the first."""
    world.requests.append(0, request("o1"))
    world.provider.duplicate = True
    async with world.running():
        await world.done()
    assert world.results.results == [("o1", "authorise", "authorised")] * 2


async def test_no_more_is_read_than_can_be_kept_in_mind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded while the provider is away; what is not read stays in the log."""
    monkeypatch.setattr(gateways, "MOST_UNDER_WAY", 10)
    held = asyncio.Event()
    for n in range(30):
        world.requests.append(0, request(f"o{n}", deadline=FAR))
        world.provider.plan[f"o{n}"] = [held]
    async with world.running():
        await eventually(lambda: len(world.provider.asked) == 10)
        await asyncio.sleep(0.05)
        assert len(world.provider.asked) == 10 and max(world.requests.most) == 10
        held.set()
        await world.done()
