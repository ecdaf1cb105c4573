"""An outbox: what waits to be written to one client, with a bound; who is slower is let go."""

import asyncio
from collections import deque

#: Most messages, and most bytes, that wait for one client.
MOST_MESSAGES = 256
MOST_BYTES = 1 << 20


class Outbox:
    """Takes messages at once, never waiting; gives them one by one."""

    __slots__ = ("_bytes", "_messages", "_waiting", "closed", "overflowed")

    def __init__(self) -> None:
        """Begin empty."""
        self._messages: deque[bytes] = deque()
        self._bytes = 0
        self._waiting: asyncio.Future[None] | None = None
        #: No more comes; what waits is still given.
        self.closed = False
        #: The client was too slow; nothing more is given.
        self.overflowed = False

    def put(self, message: bytes) -> None:
        """Add a message; past the bound the client has overflowed."""
        if self.closed or self.overflowed:
            return
        if self._messages and (
            len(self._messages) >= MOST_MESSAGES or self._bytes + len(message) > MOST_BYTES
        ):
            self.overflowed = True
            self._messages.clear()
        else:
            self._messages.append(message)
            self._bytes += len(message)
        self._tell()

    def close(self) -> None:
        """Let nothing more come."""
        self.closed = True
        self._tell()

    @property
    def is_empty(self) -> bool:
        """Say whether nothing waits."""
        return not self._messages

    async def get(self, timeout: float) -> bytes | None:
        """Return the next message; None when none came in so many seconds, or none will come."""
        if not self._messages and not self.closed and not self.overflowed:
            self._waiting = loop_future = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(timeout):
                    await loop_future
            except TimeoutError:
                return None
            finally:
                self._waiting = None
        if not self._messages:
            return None
        message = self._messages.popleft()
        self._bytes -= len(message)
        return message

    def _tell(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
