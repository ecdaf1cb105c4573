"""An outbox: bounded, in order, never waiting for its client."""

import asyncio

from ingress.live.outbox import MOST_BYTES, MOST_MESSAGES, Outbox


async def test_messages_come_out_in_order_and_after_the_last_nothing() -> None:
    """What waits when no more comes is still given."""
    outbox = Outbox()
    for number in range(3):
        outbox.put(b"%d" % number)
    outbox.close()
    outbox.put(b"late")
    assert [await outbox.get(1) for _ in range(4)] == [b"0", b"1", b"2", None]


async def test_who_waits_is_woken_by_a_message_or_the_end() -> None:
    """Nobody polls."""
    outbox = Outbox()
    waiting = asyncio.ensure_future(outbox.get(5))
    await asyncio.sleep(0)
    outbox.put(b"x")
    assert await waiting == b"x"
    waiting = asyncio.ensure_future(outbox.get(5))
    await asyncio.sleep(0)
    outbox.close()
    assert await waiting is None
    assert await Outbox().get(0.01) is None


async def test_a_client_that_takes_nothing_overflows_and_its_memory_is_given_back() -> None:
    """By number of messages, or by bytes; one message alone may be of any size."""
    many, large, one = Outbox(), Outbox(), Outbox()
    for _ in range(MOST_MESSAGES + 1):
        many.put(b"x")
    large.put(b"x" * MOST_BYTES)
    assert not large.overflowed
    large.put(b"x")
    one.put(b"x" * (MOST_BYTES + 1))
    assert many.overflowed and large.overflowed and not one.overflowed
    assert many.is_empty and large.is_empty and await many.get(1) is None
