"""Connections of this process: how many there may be, and for how long each may keep it waiting.

A client that sends its request byte by byte, says nothing at all or does not read its answer holds a connection
and no more, and that not for long. Times are of the performance counter, in seconds.
"""

import asyncio
import contextlib
import resource
import time
from collections.abc import AsyncIterator
from typing import Protocol

#: How long the line and headers of a request may take to come, from its first byte, or from the connection's first moment.
HEAD_SECONDS = 10.0
#: How long a connection may be kept between two requests: longer than gateways keep theirs.
IDLE_SECONDS = 75.0
#: How long a client may take to read what it was sent.
UNREAD_SECONDS = 30.0
#: Between two looks at all connections.
LOOK_SECONDS = 1.0
#: Files that a process needs beside connections of clients.
OTHER_FILES = 128


class Patience:
    """For how long one connection has kept us waiting."""

    __slots__ = ("_handled", "_head_since", "_quiet_since", "_unread_since")

    def __init__(self, now: float) -> None:
        """Begin with a connection on which nothing was said."""
        self._handled = 0
        self._head_since: float | None = now
        self._quiet_since = now
        self._unread_since: float | None = None

    def received(self, now: float) -> None:
        """Hear that bytes came which are, or begin, a request that is not answered on the spot."""
        if not self._handled and self._head_since is None:
            self._head_since = now

    def asked(self) -> None:
        """Hear that a request's head is whole."""
        self._head_since = None
        self._handled += 1

    def answered(self, now: float) -> None:
        """Hear that it was answered."""
        self._handled -= 1
        self._quiet_since = now

    def answered_at_once(self, now: float) -> None:
        """Hear that a request came whole and was answered on the spot."""
        self._head_since = None
        self._quiet_since = now

    def reads(self, does: bool, now: float) -> None:
        """Hear whether the client reads what it is sent."""
        self._unread_since = None if does else now

    def is_over(self, now: float) -> bool:
        """Say whether the connection is to be closed."""
        if self._unread_since is not None and now - self._unread_since > UNREAD_SECONDS:
            return True
        if self._handled:
            return False
        if self._head_since is not None:
            return now - self._head_since > HEAD_SECONDS
        return now - self._quiet_since > IDLE_SECONDS


class Connection(Protocol):
    """One that is counted."""

    patience: Patience

    def abort(self) -> None:
        """End it at once."""


class Connections:
    """All of a process."""

    def __init__(self, most: int) -> None:
        """Take how many there may be."""
        self._most = most
        self._open: set[Connection] = set()

    def admit(self, connection: Connection) -> bool:
        """Count a connection; say whether there is room for it."""
        if len(self._open) >= self._most:
            return False
        self._open.add(connection)
        return True

    def leave(self, connection: Connection) -> None:
        """Forget a connection."""
        self._open.discard(connection)

    def look(self, now: float) -> None:
        """End those that have kept us waiting for too long."""
        for connection in [one for one in self._open if one.patience.is_over(now)]:
            connection.abort()

    @contextlib.asynccontextmanager
    async def looked_after(self) -> AsyncIterator[None]:
        """Look at them now and then."""
        looking = asyncio.ensure_future(self._run())
        try:
            yield
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look(time.perf_counter())


def room(wanted: int) -> int:
    """Return how many connections there may be, as many as wanted if the system lets this process have the files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - OTHER_FILES))
