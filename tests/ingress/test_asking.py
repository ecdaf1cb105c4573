"""Commands and their replies."""

import asyncio

import pytest
from msgspec.structs import replace

from ingress.admission import INTERVAL, LEAST, STANDS_AT_FIRST
from ingress.asking import Asking
from ingress.problems import Problem
from schemas import codec
from schemas.commands import Command, Payment, PlaceOrder, Tick
from schemas.replies import Answer, Reply
from tests.ingress.fakes import FakeLog, order_of

REPLY = Reply(Answer("created"))
PLACED = PlaceOrder("o1", "r1", "hash", "fingerprint", [], Payment("pix"))


def soon(seconds: float = 0.05) -> float:
    return asyncio.get_running_loop().time() + seconds


def make(decide: Reply | None = None, most: int = 10) -> tuple[Asking, FakeLog]:
    log = FakeLog()
    log.decide = lambda command: decide
    log.asking = Asking(log, reply_partition=7, most=most)
    return log.asking, log


async def ask(asking: Asking, deadline: float, command: Command | None = None) -> Reply | None:
    return await asking.ask("r1", command or Tick(), b"trace", deadline)


async def test_a_command_is_keyed_by_restaurant_and_names_its_reply_partition() -> None:
    """Design, decisions 1 and 6."""
    asking, log = make(REPLY)
    assert await ask(asking, soon()) == REPLY
    key, _, headers = log.written[0]
    assert key == b"r1"
    assert codec.header(headers, "event-type") == b"tick" and codec.header(headers, "traceparent") == b"trace"
    address = codec.reply_address(headers)
    assert address is not None and address.partition == 7


async def test_no_reply_within_the_wait_is_none() -> None:
    """Contract: 202 accepted but not decided within the wait."""
    asking, log = make(None)
    assert await ask(asking, soon()) is None and len(log.written) == 1


async def test_no_wait_still_writes_the_command() -> None:
    """`respond-async`: answered at once after the command is written."""
    asking, log = make(None)
    assert await ask(asking, soon(0)) is None and len(log.written) == 1


async def test_past_the_bound_nothing_is_written() -> None:
    """Design, decision 8: 503 with Retry-After before the queue grows past what can be decided in the wait."""
    asking, log = make(None, most=2)
    under_way = [asyncio.ensure_future(ask(asking, soon())) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Problem, match="overloaded") as problem:
        await ask(asking, soon())
    assert int(problem.value.headers["Retry-After"]) >= 1 and len(log.written) == 2
    await asyncio.gather(*under_way)
    assert await ask(asking, soon()) is None, "a request that got its 202 no longer counts"


async def test_a_write_that_failed_no_longer_counts() -> None:
    """A broker that is away for a while must not leave the process overloaded for ever."""
    asking, log = make(None, most=1)
    log.down = True
    for _ in range(3):
        with pytest.raises(Problem, match="unavailable"):
            await ask(asking, soon())


async def test_each_reply_reaches_the_request_that_asked() -> None:
    """Many are under way at once, and are decided in any order."""
    asking, log = make(None)
    asked = [asyncio.ensure_future(ask(asking, soon(1))) for _ in range(5)]
    await asyncio.sleep(0)
    for version, (_, _, headers) in reversed(list(enumerate(log.written))):
        address = codec.reply_address(headers)
        assert address is not None
        asking.deliver(address.correlation_id, Reply(Answer("created", version=version)))
    assert [reply.answer.version for reply in await asyncio.gather(*asked) if reply] == [0, 1, 2, 3, 4]


async def test_replies_to_nobody_are_let_go() -> None:
    """Of an earlier process in the same partition, of a request that was answered 202, or twice the same."""
    asking, log = make(None)
    asking.deliver(b"other-1", REPLY)
    asking.deliver(b"", REPLY)
    assert await ask(asking, soon()) is None
    address = codec.reply_address(log.written[0][2])
    assert address is not None
    asking.deliver(address.correlation_id, REPLY)
    asking.deliver(address.correlation_id, REPLY)


async def test_an_overload_of_orders_that_are_all_paid_for_is_felt() -> None:
    """They are all that there may be: a payment of 30 ms hides no queue of five seconds."""
    asking, log = make(None, most=100)
    under_way = [asyncio.ensure_future(ask(asking, soon(3)))]
    await asyncio.sleep(0)
    address = codec.reply_address(log.written[0][2])
    assert address is not None
    process, _, asked_at = address.correlation_id.partition(b"-")
    long_ago = b"%b-%x" % (process, int(asked_at, 16) - 5_000_000_000)
    order = replace(
        order_of(PLACED), created_at="2026-01-01T00:00:00.000Z", updated_at="2026-01-01T00:00:00.030Z"
    )
    assert not asking.turns_away()
    for _ in range(2 * STANDS_AT_FIRST):
        under_way += [asyncio.ensure_future(ask(asking, soon(3))) for _ in range(LEAST)]
        asking.deliver(long_ago, Reply(Answer("confirmed", order)))
        await asyncio.sleep(INTERVAL)
        if asking.turns_away():
            break
    else:
        raise AssertionError("nobody was turned away")
    for one in under_way:
        one.cancel()
