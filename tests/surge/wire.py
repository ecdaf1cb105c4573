"""A raw HTTP/1.1 client over kept-alive connections: a tenth of a full client's cost, so that the load can be held."""

import asyncio
import random
import re
import time
from collections import deque
from collections.abc import Callable
from typing import cast

#: Called with status (0: no answer), head, body.
Done = Callable[[int, bytes, bytes], None]

#: How long a connection is kept, at most, in seconds: so that new processes get their share of the customers.
LIFETIME = 6.0
#: How long an answer may take.
PATIENCE = 15.0

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self.request = b""
        self.done: Done | None = None
        self.sent_at = 0.0
        self.uses = 0
        self.ends_at = time.monotonic() + random.uniform(0.5, 1.0) * LIFETIME

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class

    def send(self, request: bytes, done: Done) -> None:
        assert self._transport is not None
        self.request, self.done, self.sent_at = request, done, time.monotonic()
        self.uses += 1
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer = self._buffer + data if self._buffer else data
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(buffer, 0, end)
        whole = end + 4 + (int(length[1]) if length else 0)
        if len(buffer) < whole:
            return
        self._buffer = b""
        self._end(int(buffer[9:12]), buffer[:end], buffer[end + 4 : whole])
        if time.monotonic() > self.ends_at or b"onnection: close" in buffer[:end]:
            self.close()
        else:
            self._pool.idle(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._pool.lost(self)
        if self.done is None:
            return
        if self.uses > 1 and not self._buffer:  # it was closed while idle: any client asks again
            request, done, self.done = self.request, self.done, None
            self._pool.send(request, done)
        else:
            self._end(0, b"", b"")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def _end(self, status: int, head: bytes, body: bytes) -> None:
        done, self.done = self.done, None
        if done is not None:
            done(status, head, body)


class Pool:
    """Connections to one address; who finds none free and may open no more waits, and its time counts."""

    def __init__(self, host: str, port: int, most: int) -> None:
        self._host, self._port, self._most = host, port, most
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        self._opening = 0
        self._waiting: deque[tuple[bytes, Done]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, request: bytes, done: Done) -> None:
        """Send a request as soon as there is a connection."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                connection.send(request, done)
                return
        if len(self._all) + self._opening < self._most:
            self._opening += 1
            task = asyncio.ensure_future(self._open(request, done))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._waiting.append((request, done))

    async def ask(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Send a request and return status, head and body."""
        answer: asyncio.Future[tuple[int, bytes, bytes]] = asyncio.get_running_loop().create_future()

        def done(status: int, head: bytes, body: bytes) -> None:
            if not answer.done():
                answer.set_result((status, head, body))

        self.send(request, done)
        return await answer

    def sweep(self) -> None:
        """Give up requests that have waited for too long; to be called about once a second."""
        before = time.monotonic() - PATIENCE
        for connection in list(self._all):
            if connection.done is not None and connection.sent_at < before:
                connection.uses = 1  # not to be asked again
                connection.close()

    def idle(self, connection: Connection) -> None:
        if self._waiting:
            connection.send(*self._waiting.popleft())
        else:
            self._idle.append(connection)

    def lost(self, connection: Connection) -> None:
        self._all.discard(connection)
        if self._waiting:
            self.send(*self._waiting.popleft())

    async def _open(self, request: bytes, done: Done) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PATIENCE):
                _, connection = await loop.create_connection(lambda: Connection(self), self._host, self._port)
        except (OSError, TimeoutError):
            done(0, b"", b"")
        else:
            self._all.add(connection)
            connection.send(request, done)
        finally:
            self._opening -= 1


def header(head: bytes, name: bytes) -> str | None:
    """Return the value of a header in an answer's head."""
    found = re.search(rb"\r\n" + name + rb": *([^\r]*)", head, re.IGNORECASE)
    return found[1].decode() if found else None
