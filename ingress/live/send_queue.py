"""The bounded queue of messages to one client: a client that reads too slowly overflows it and is disconnected.

All queues of the process share a budget too, and past it those that hold the most overflow.
"""

import asyncio
from collections import deque

from ingress.memory.byte_budget import ByteBudget

#: Bounds of what waits for one client: messages, and bytes.
MAX_MESSAGES = 256
MAX_BYTES = 1 << 20

_budget = ByteBudget("send_queues")


class SendQueue:
    """First in, first out. `put` never waits, so one client cannot delay another."""

    __slots__ = ("_bytes", "_messages", "_waiter", "has_overflowed", "is_closed")

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        #: No further message is accepted; queued messages are still returned.
        self.is_closed = False
        #: The client was too slow; queued messages are gone and none is accepted.
        self.has_overflowed = False

    def put(self, message: bytes) -> None:
        """Append a message; past a bound, drop all and set `has_overflowed`. A single message may be of any size."""
        if self.is_closed or self.has_overflowed:
            return
        if self._messages and (len(self._messages) >= MAX_MESSAGES or self._bytes + len(message) > MAX_BYTES):
            self.drop()
        else:
            self._messages.append(message)
            self._set_bytes(self._bytes + len(message))
            self._wake()

    def drop(self) -> None:
        """Drop all messages and set `has_overflowed`."""
        self.has_overflowed = True
        self._messages.clear()
        self._set_bytes(0)
        self._wake()

    def close(self) -> None:
        """Accept no further message."""
        self.is_closed = True
        self._wake()

    @property
    def is_empty(self) -> bool:
        """True if no message is queued."""
        return not self._messages

    async def get(self, timeout: float) -> bytes | None:
        """Return the next message, or None after `timeout` seconds without one, on close and on overflow."""
        if not self._messages and not self.is_closed and not self.has_overflowed:
            self._waiter = waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(timeout):
                    await waiter
            except TimeoutError:
                return None
            finally:
                self._waiter = None
        if not self._messages:
            return None
        message = self._messages.popleft()
        self._set_bytes(self._bytes - len(message))
        return message

    def _set_bytes(self, size: int) -> None:
        self._bytes = size
        _budget.set(self, size)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
