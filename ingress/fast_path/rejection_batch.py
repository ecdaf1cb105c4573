"""Sends rejections together, every 20 ms.

At three times the capacity two of three orders are rejected. Then most of the cost of a rejection is waking this
process and the client, not the response. A rejected client retries after a second or more, so a delay of 20 ms does
not matter to it.
"""

import asyncio
from collections.abc import Callable

#: How long a rejection may be delayed, in seconds.
FLUSH_INTERVAL_SECONDS = 0.02


class RejectionBatch:
    """The rejections that are not sent yet."""

    def __init__(self) -> None:
        self._pending: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def add(self, send: Callable[[], None]) -> None:
        """Call `send`, which sends a rejection, with the next batch."""
        self._pending.append(send)
        if self._is_closed:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_INTERVAL_SECONDS, self.flush)

    def flush(self) -> None:
        """Send all rejections now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pending, self._pending = self._pending, []
        for send in pending:
            send()

    def close(self) -> None:
        """Send all rejections, and delay none from now on: connections are about to be closed."""
        self._is_closed = True
        self.flush()
