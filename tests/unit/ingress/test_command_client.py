"""The command client: commands, their replies, and the delay in our queues."""

import asyncio

import pytest
from msgspec.structs import replace

from ingress.commands.admission import CONGESTED_INTERVALS_FIRST, INTERVAL_SECONDS, MIN_LIMIT, Pressure
from ingress.commands.client import (
    MAX_PER_ORDER,
    MAX_PER_RESTAURANT,
    REPLY_EXPIRY_SECONDS,
    STALLED_AFTER_SECONDS,
    UNCERTAIN_EXPIRY_SECONDS,
    CommandClient,
    queue_delay_seconds,
)
from ingress.http.problems import Problem
from schemas import codec, identity
from schemas.commands import AdvanceOrder, Command, Payment, PlaceOrder, PutRestaurant
from schemas.replies import Answer, Outcome, Reply
from tests.support.ingress.fakes import FakeProducer, order_of
from tests.support.virtual_clock import in_virtual_time

COMMAND = AdvanceOrder("r1", "o1", "preparing")
REPLY = Reply(Answer("created"))
#: An order whose payment took 1.9 s.
PAID = replace(
    order_of(PlaceOrder("o1", "r1", "hash", "fingerprint", [], Payment("pix"))),
    created_at="2026-01-01T00:00:00.000Z",
    updated_at="2026-01-01T00:00:01.900Z",
)


def soon(seconds: float = 0.05) -> float:
    return asyncio.get_running_loop().time() + seconds


def make(reply: Reply | None = None, max_in_flight: int = 10) -> tuple[CommandClient, FakeProducer]:
    """Return a client and its producer, whose commands all get this reply; None: no reply."""
    producer = FakeProducer()
    producer.decide = lambda command: reply
    producer.commands = CommandClient(producer, reply_partition=7, max_in_flight=max_in_flight)
    return producer.commands, producer


async def send(client: CommandClient, deadline: float, command: Command | None = None) -> Reply | None:
    return await client.send_and_wait(command or COMMAND, b"trace", deadline)


def place(number: int, fingerprint: str = "body") -> PlaceOrder:
    """Return an order with a key of its own."""
    return PlaceOrder(f"o{number}", "r1", f"key-{number}", fingerprint, [], Payment("cash"))


def reply_to(client: CommandClient, producer: FakeProducer, index: int, reply: Reply = REPLY) -> None:
    """Deliver the reply to one of the commands that were written."""
    address = codec.reply_address(producer.written[index][2])
    assert address is not None
    client.deliver(address.correlation_id, reply)


async def test_command_has_key_and_reply_address() -> None:
    """A command is keyed by restaurant and names the reply partition of its process."""
    client, producer = make(REPLY)
    assert await send(client, soon()) == REPLY
    key, _, headers = producer.written[0]
    assert key == b"r1"
    assert (
        codec.header(headers, "event-type") == b"advance-order"
        and codec.header(headers, "traceparent") == b"trace"
    )
    address = codec.reply_address(headers)
    assert address is not None and address.partition == 7


async def test_no_reply_by_deadline_is_none() -> None:
    """Contract: 202 accepted but not decided within the wait."""
    client, producer = make(None)
    assert await send(client, soon()) is None and len(producer.written) == 1


async def test_expired_deadline_still_sends_command() -> None:
    """`respond-async`: answered as soon as the command is written."""
    client, producer = make(None)
    assert await send(client, soon(0)) is None and len(producer.written) == 1


async def test_command_past_limit_is_not_sent() -> None:
    """503 with Retry-After before more is in flight than can be decided in time."""
    client, producer = make(None, max_in_flight=2)
    in_flight = [asyncio.ensure_future(send(client, soon(), place(number))) for number in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Problem, match="overloaded") as problem:
        await send(client, soon())
    assert int(problem.value.headers["Retry-After"]) >= 1 and len(producer.written) == 2
    await asyncio.gather(*in_flight)


async def test_commands_count_until_decided_without_a_wait() -> None:
    """Commands of clients that do not wait fill the process like all others; a decision makes room."""
    client, producer = make(None, max_in_flight=4)
    for number in range(4):
        assert await send(client, soon(0), place(number)) is None
    for number in range(4, 9):
        with pytest.raises(Problem, match="overloaded"):
            await send(client, soon(0), place(number))
    assert len(producer.written) == 4 and client.should_reject_order()
    reply_to(client, producer, 0)
    assert await send(client, soon(0), place(9)) is None


@in_virtual_time
async def test_slow_provider_does_not_stop_cash_orders() -> None:
    """Orders that wait for their payment have a bound of their own."""
    client, _ = make(None, max_in_flight=3)
    for number in range(3):
        order = replace(place(number), payment=Payment("pix"))
        assert await send(client, soon(0), order) is None
    await asyncio.sleep(STALLED_AFTER_SECONDS + INTERVAL_SECONDS)
    with pytest.raises(Problem, match="overloaded"):
        client.require_room("pix")
    client.require_room("cash")
    assert not client.should_reject_order()
    assert await send(client, soon(0), place(9)) is None


@in_virtual_time
async def test_command_without_reply_expires() -> None:
    """A reply that never comes must not take room from others indefinitely."""
    client, _ = make(None, max_in_flight=1)
    assert await send(client, soon(0), place(1)) is None
    await asyncio.sleep(REPLY_EXPIRY_SECONDS - 1)
    with pytest.raises(Problem, match="overloaded"):
        await send(client, soon(0), place(2))
    await asyncio.sleep(2)
    assert await send(client, soon(0), place(2)) is None


@pytest.mark.parametrize(
    ("command", "maximum"),
    [
        (COMMAND, MAX_PER_ORDER),
        (PutRestaurant("r1", "Cantina", 10, 1800), MAX_PER_RESTAURANT),
    ],
)
async def test_commands_of_one_subject_are_bounded(command: Command, maximum: int) -> None:
    """One order, or one restaurant's catalogue, cannot take the room of all others."""
    client, producer = make(None, max_in_flight=1000)
    for _ in range(maximum):
        assert await send(client, soon(0), command) is None
    with pytest.raises(Problem, match="too-many-requests") as problem:
        await send(client, soon(0), command)
    assert int(problem.value.headers["Retry-After"]) >= 1
    assert await send(client, soon(0), place(2)) is None, "others have room"
    reply_to(client, producer, 0)
    assert await send(client, soon(0), command) is None, "a decision makes room for the next"


async def test_equal_requests_share_one_command() -> None:
    """A retry waits for the outcome of the request in flight, and writes nothing."""
    client, producer = make(None)
    assert await send(client, soon(0), place(1)) is None
    retries = [asyncio.ensure_future(send(client, soon(1), place(1))) for _ in range(20)]
    other = asyncio.ensure_future(send(client, soon(1), place(1, "another body")))
    await asyncio.sleep(0)
    assert len(producer.written) == 2
    reply_to(client, producer, 0)
    assert [reply and reply.replayed for reply in await asyncio.gather(*retries)] == [True] * 20
    reply_to(client, producer, 1)
    assert await other == REPLY


async def test_reply_that_no_request_awaits_is_passed_on() -> None:
    """A client that was answered 202 reads the outcome later."""
    client, producer = make(None)
    late: list[tuple[str, str, str, Reply]] = []
    client.on_late_reply = lambda *reply: late.append(reply)
    waits = asyncio.ensure_future(send(client, soon(1), place(1)))
    assert await send(client, soon(0), place(2)) is None
    reply_to(client, producer, 0)
    reply_to(client, producer, 1)
    assert await waits == REPLY and late == [("o2", "r1", identity.holder("body"), REPLY)]


@in_virtual_time
async def test_failed_write_is_in_flight_for_seconds() -> None:
    """It may have been written."""
    client, producer = make(None, max_in_flight=1)
    producer.down = True
    with pytest.raises(Problem, match="unavailable"):
        await send(client, soon(), place(1))
    with pytest.raises(Problem, match="overloaded"):
        await send(client, soon(), place(2))
    producer.down = False
    client, producer = make(REPLY, max_in_flight=2)
    producer.down = True
    with pytest.raises(Problem, match="unavailable"):
        await send(client, soon(), place(1))
    producer.down = False
    assert await send(client, soon(), place(1)) == REPLY, "a retry does not wait for a write that has failed"


@in_virtual_time
async def test_failed_write_makes_room_again() -> None:
    """A broker outage must not leave the process overloaded."""
    client, producer = make(None, max_in_flight=1)
    producer.down = True
    with pytest.raises(Problem, match="unavailable"):
        await send(client, soon(), place(1))
    await asyncio.sleep(UNCERTAIN_EXPIRY_SECONDS + 0.1)
    with pytest.raises(Problem, match="unavailable"):
        await send(client, soon(), place(2))


async def test_reply_reaches_its_request() -> None:
    """Many commands are in flight at once, and are decided in any order."""
    client, producer = make(None)
    in_flight = [asyncio.ensure_future(send(client, soon(1), place(number))) for number in range(5)]
    await asyncio.sleep(0)
    for version, (_, _, headers) in reversed(list(enumerate(producer.written))):
        address = codec.reply_address(headers)
        assert address is not None
        client.deliver(address.correlation_id, Reply(Answer("created", version=version)))
    replies = await asyncio.gather(*in_flight)
    assert [reply.answer.version for reply in replies if reply] == [0, 1, 2, 3, 4]


async def test_unmatched_replies_are_ignored() -> None:
    """Of an earlier process in the same partition, of a request that was answered 202, or a duplicate."""
    client, producer = make(None)
    client.deliver(b"other-1", REPLY)
    client.deliver(b"", REPLY)
    assert await send(client, soon()) is None
    address = codec.reply_address(producer.written[0][2])
    assert address is not None
    client.deliver(address.correlation_id, REPLY)
    client.deliver(address.correlation_id, REPLY)


@in_virtual_time
async def test_overload_of_paid_orders_is_detected() -> None:
    """There may be no other orders: a payment of 30 ms must not hide a queue of five seconds."""
    order = replace(PAID, updated_at="2026-01-01T00:00:00.030Z")
    client, producer = make(None, max_in_flight=100)
    in_flight = [asyncio.ensure_future(send(client, soon(30)))]
    await asyncio.sleep(0)
    address = codec.reply_address(producer.written[0][2])
    assert address is not None
    await asyncio.sleep(5)  # every reply below is to the first command
    assert not client.should_reject_order()
    for step in range(2 * CONGESTED_INTERVALS_FIRST):
        numbers = range(step * MIN_LIMIT, (step + 1) * MIN_LIMIT)
        in_flight += [asyncio.ensure_future(send(client, soon(3), place(number))) for number in numbers]
        client.deliver(address.correlation_id, Reply(Answer("confirmed", order)))
        await asyncio.sleep(INTERVAL_SECONDS)
        if client.should_reject_order():
            break
    else:
        raise AssertionError("no order was rejected")
    for task in in_flight:
        task.cancel()


@in_virtual_time
async def test_stalled_partition_is_not_overload() -> None:
    """A partition without a worker must not cause rejections for all others."""
    client, _ = make(None, max_in_flight=4)
    commands = [client.send_and_wait(COMMAND, b"t", soon(60), priority=True) for _ in range(4)]
    in_flight = [asyncio.ensure_future(command) for command in commands]
    await asyncio.sleep(INTERVAL_SECONDS)
    assert client.pressure == Pressure.ORDERS
    await asyncio.sleep(STALLED_AFTER_SECONDS)
    assert client.pressure == Pressure.NONE
    for task in in_flight:
        task.cancel()


@pytest.mark.parametrize("outcome", ["confirmed", "payment_declined", "payment_timeout"])
def test_queue_delay_excludes_payment(outcome: Outcome) -> None:
    """There may be only paid orders, so an overload must be measurable on them, too."""
    assert queue_delay_seconds(Reply(Answer(outcome, PAID)), 2.5) == pytest.approx(0.6)
    assert queue_delay_seconds(Reply(Answer(outcome, PAID)), 1.0) == 0.0


@pytest.mark.parametrize(
    "answer",
    [
        Answer("confirmed", replace(PAID, payment_method="cash")),
        Answer("out_of_stock", PAID),
        Answer("created"),
    ],
)
def test_queue_delay_without_payment_is_whole_delay(answer: Answer) -> None:
    """Cash orders and other commands wait only in our queues."""
    assert queue_delay_seconds(Reply(answer), 2.5) == 2.5


def test_queue_delay_of_replay_is_unknown() -> None:
    """The payment of a replayed order was made before the replay."""
    assert queue_delay_seconds(Reply(Answer("confirmed", PAID), replayed=True), 2.5) is None
