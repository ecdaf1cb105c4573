"""One accepted connection: counted against the limit, timed, and passed to aiohttp."""

import asyncio
from functools import partial
from typing import cast

from aiohttp import StreamReader, web

from ingress.http.problems import Overloaded, Problem
from ingress.memory.byte_budget import ByteBudget
from ingress.server import aiohttp_protocol
from ingress.server.connection_limits import Connections, ConnectionTimers
from schemas import timestamps

#: What this process has received of requests that it has not answered, and what clients have not read of responses.
UNANSWERED = ByteBudget("unanswered_requests")
UNREAD = ByteBudget("unread_responses")
#: What a piece of data needs in memory besides its bytes.
PIECE_BYTES = 64


class ServerConnection(asyncio.Protocol):
    """A connection whose requests aiohttp's protocol for it, `fallback`, answers."""

    def __init__(self, fallback: asyncio.Protocol, connections: Connections) -> None:
        self.timers = ConnectionTimers(timestamps.monotonic_clock())
        self._fallback = fallback
        self._connections = connections
        self._is_admitted = False
        self._in_flight = 0
        #: The last piece of data; and what may belong to a request that has not finished, in bytes.
        self._last_piece = self._unparsed = 0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection, or answer why not and close it."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        try:
            self._connections.admit(self, peer[0] if isinstance(peer, tuple) else None)
        except Problem as problem:
            self._transport.write(aiohttp_protocol.connection_rejection(problem))
            self._transport.close()
        else:
            self._is_admitted = True
            self._transport.set_write_buffer_limits(high=0)  # what is not sent at once is counted
            self._fallback.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass the data to aiohttp."""
        if self._is_admitted:
            self.timers.data_received(timestamps.monotonic_clock())
            self._count_received(len(data))
            if not self._transport.is_closing():
                self._fallback.data_received(data)

    def request_started(self) -> None:
        """Record that the head of a request is complete; it ends in the last piece of data."""
        self.timers.request_started()
        self._in_flight += 1
        self._unparsed = min(self._unparsed, self._last_piece)

    def request_finished(self, request: web.BaseRequest) -> None:
        """Record that aiohttp has answered a request; its body may end later, if the handler did not read it."""
        self.timers.request_finished(timestamps.monotonic_clock())
        self._in_flight -= 1
        self._unparsed = max(0, self._unparsed - _head_size(request))
        self._count_unanswered()
        request.content.on_eof(partial(self._body_ended, request.content))

    def abort(self) -> None:
        """Close the connection at once."""
        self._transport.abort()

    def drop(self) -> None:
        """Close the connection, with 503 if no request was started: it holds more memory than others."""
        if not self._in_flight and not self._transport.is_closing():
            self._transport.write(aiohttp_protocol.connection_rejection(Overloaded()))
            self._transport.close()
        else:
            self.abort()

    def eof_received(self) -> bool | None:
        """Pass on that the client sends no more."""
        return self._fallback.eof_received() if self._is_admitted else None

    def pause_writing(self) -> None:
        """Start the write timeout: the client does not read."""
        self.timers.set_reading(False, timestamps.monotonic_clock())
        self._fallback.pause_writing()
        UNREAD.set(self, self._transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Stop the write timeout."""
        UNREAD.set(self, 0)
        self.timers.set_reading(True, timestamps.monotonic_clock())
        self._fallback.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        """Stop counting the connection."""
        if self._is_admitted:
            self._is_admitted = False
            UNANSWERED.set(self, 0)
            UNREAD.set(self, 0)
            self._connections.remove(self)
            self._fallback.connection_lost(error)

    def _count_received(self, size: int) -> None:
        if not aiohttp_protocol.is_websocket(self._fallback):  # its messages are read and dropped
            self._last_piece = size
            self._unparsed += size
            UNANSWERED.add(self, size + PIECE_BYTES)

    def _body_ended(self, body: StreamReader) -> None:
        self._unparsed = max(0, self._unparsed - body.total_bytes)
        self._count_unanswered()

    def _count_unanswered(self) -> None:
        if self._is_admitted:  # else the connection was lost before
            UNANSWERED.set(self, self._unanswered_size())

    def _unanswered_size(self) -> int:
        """Return what the parser may hold of further requests, in bytes."""
        return self._unparsed


def _head_size(request: web.BaseRequest) -> int:
    """Return the length of a request's head, in bytes, as clients write it."""
    line = len(request.method) + len(request.raw_path) + len("  HTTP/1.1\r\n")
    return (
        line
        + sum(len(name) + len(value) + len(": \r\n") for name, value in request.raw_headers)
        + len("\r\n")
    )


class ConnectionFactory:
    """Makes the protocol of each accepted connection; this one leaves every request to aiohttp."""

    def connect(self, fallback: asyncio.Protocol, connections: Connections) -> ServerConnection:
        """Return the protocol of a new connection, in front of aiohttp's."""
        return ServerConnection(fallback, connections)

    def close(self) -> None:
        """Send every response that is still delayed: the connections are about to be closed."""
