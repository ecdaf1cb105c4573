"""One accepted connection: counted against the limit, timed, and passed to aiohttp."""

import asyncio
from typing import cast

from ingress.http.problems import Problem
from ingress.server import aiohttp_protocol
from ingress.server.connection_limits import Connections, ConnectionTimers
from schemas import timestamps


class ServerConnection(asyncio.Protocol):
    """A connection whose requests aiohttp's protocol for it, `fallback`, answers."""

    def __init__(self, fallback: asyncio.Protocol, connections: Connections) -> None:
        self.timers = ConnectionTimers(timestamps.monotonic_clock())
        self._fallback = fallback
        self._connections = connections
        self._is_admitted = False
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
            self._fallback.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass the data to aiohttp."""
        if self._is_admitted:
            self.timers.data_received(timestamps.monotonic_clock())
            self._fallback.data_received(data)

    def request_finished(self, _: object) -> None:
        """Record that aiohttp has answered a request."""
        self.timers.request_finished(timestamps.monotonic_clock())

    def abort(self) -> None:
        """Close the connection at once."""
        self._transport.abort()

    def eof_received(self) -> bool | None:
        """Pass on that the client sends no more."""
        return self._fallback.eof_received() if self._is_admitted else None

    def pause_writing(self) -> None:
        """Start the write timeout: the client does not read."""
        self.timers.set_reading(False, timestamps.monotonic_clock())
        self._fallback.pause_writing()

    def resume_writing(self) -> None:
        """Stop the write timeout."""
        self.timers.set_reading(True, timestamps.monotonic_clock())
        self._fallback.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        """Stop counting the connection."""
        if self._is_admitted:
            self._connections.remove(self)
            self._fallback.connection_lost(error)


class ConnectionFactory:
    """Makes the protocol of each accepted connection; this one leaves every request to aiohttp."""

    def connect(self, fallback: asyncio.Protocol, connections: Connections) -> ServerConnection:
        """Return the protocol of a new connection, in front of aiohttp's."""
        return ServerConnection(fallback, connections)

    def close(self) -> None:
        """Send every response that is still delayed: the connections are about to be closed."""
