"""The queue of messages to one client: bounded, in order, never blocking the sender."""

import asyncio

from ingress.live.send_queue import MAX_BYTES, MAX_MESSAGES, SendQueue


async def test_messages_are_returned_in_order() -> None:
    """Queued messages are still returned after `close`; none is accepted."""
    queue = SendQueue()
    for number in range(3):
        queue.put(b"%d" % number)
    queue.close()
    queue.put(b"late")
    assert [await queue.get(1) for _ in range(4)] == [b"0", b"1", b"2", None]


async def test_get_wakes_on_message_and_on_close() -> None:
    """`get` does not poll."""
    queue = SendQueue()
    waiting = asyncio.ensure_future(queue.get(5))
    await asyncio.sleep(0)
    queue.put(b"x")
    assert await waiting == b"x"
    waiting = asyncio.ensure_future(queue.get(5))
    await asyncio.sleep(0)
    queue.close()
    assert await waiting is None
    assert await SendQueue().get(0.01) is None


async def test_overflow_drops_all_messages() -> None:
    """Bounds by count and by bytes; a single message may be of any size."""
    many, large, one = SendQueue(), SendQueue(), SendQueue()
    for _ in range(MAX_MESSAGES + 1):
        many.put(b"x")
    large.put(b"x" * MAX_BYTES)
    assert not large.has_overflowed
    large.put(b"x")
    one.put(b"x" * (MAX_BYTES + 1))
    assert many.has_overflowed and large.has_overflowed and not one.has_overflowed
    assert many.is_empty and large.is_empty and await many.get(1) is None
