"""A minimal HTTP/1.1 client with keep-alive: a tenth of a full client's CPU, so that the generators hold the load."""

import asyncio
import random
import re
import time
from collections import deque
from collections.abc import Callable
from typing import cast

#: Called with status (0: no response), head, body.
OnResponse = Callable[[int, bytes, bytes], None]

#: Longest use of a connection, so that new processes get a share of the requests.
MAX_LIFETIME_SECONDS = 6.0
RESPONSE_TIMEOUT_SECONDS = 15.0

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, pool: "ConnectionPool") -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self.request = b""
        self.on_response: OnResponse | None = None
        self.sent_at = 0.0
        self.uses = 0
        self.ends_at = time.monotonic() + random.uniform(0.5, 1.0) * MAX_LIFETIME_SECONDS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # that of uvloop is no subclass

    def send(self, request: bytes, on_response: OnResponse) -> None:
        assert self._transport is not None
        self.request, self.on_response, self.sent_at = request, on_response, time.monotonic()
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
            self._pool.release(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._pool.remove(self)
        if self.on_response is None:
            return
        if self.uses > 1 and not self._buffer:  # the server closed it while it was idle: send again
            request, on_response, self.on_response = self.request, self.on_response, None
            self._pool.send(request, on_response)
        else:
            self._end(0, b"", b"")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def _end(self, status: int, head: bytes, body: bytes) -> None:
        on_response, self.on_response = self.on_response, None
        if on_response is not None:
            on_response(status, head, body)


class ConnectionPool:
    """Up to `max_connections` to one address; a request waits if all are in use, and its waiting time counts."""

    def __init__(self, host: str, port: int, max_connections: int) -> None:
        self._host, self._port, self._max_connections = host, port, max_connections
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        self._opening = 0
        self._waiting: deque[tuple[bytes, OnResponse]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, request: bytes, on_response: OnResponse) -> None:
        """Send a request as soon as a connection is free."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                connection.send(request, on_response)
                return
        if len(self._all) + self._opening < self._max_connections:
            self._opening += 1
            task = asyncio.ensure_future(self._open(request, on_response))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._waiting.append((request, on_response))

    async def request(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Send a request; return status, head and body."""
        response: asyncio.Future[tuple[int, bytes, bytes]] = asyncio.get_running_loop().create_future()

        def on_response(status: int, head: bytes, body: bytes) -> None:
            if not response.done():
                response.set_result((status, head, body))

        self.send(request, on_response)
        return await response

    def close_overdue(self) -> None:
        """Close the connections whose response is overdue; call it about once a second."""
        before = time.monotonic() - RESPONSE_TIMEOUT_SECONDS
        for connection in list(self._all):
            if connection.on_response is not None and connection.sent_at < before:
                connection.uses = 1  # do not send again
                connection.close()

    def release(self, connection: Connection) -> None:
        if self._waiting:
            connection.send(*self._waiting.popleft())
        else:
            self._idle.append(connection)

    def remove(self, connection: Connection) -> None:
        self._all.discard(connection)
        if self._waiting:
            self.send(*self._waiting.popleft())

    async def _open(self, request: bytes, on_response: OnResponse) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(RESPONSE_TIMEOUT_SECONDS):
                _, connection = await loop.create_connection(lambda: Connection(self), self._host, self._port)
        except (OSError, TimeoutError):
            on_response(0, b"", b"")
        else:
            self._all.add(connection)
            connection.send(request, on_response)
        finally:
            self._opening -= 1


def header(head: bytes, name: bytes) -> str | None:
    """Return the value of a header in the head of a response; None if it is absent."""
    found = re.search(rb"\r\n" + name + rb": *([^\r]*)", head, re.IGNORECASE)
    return found[1].decode() if found else None
