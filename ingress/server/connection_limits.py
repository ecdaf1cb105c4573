"""Limits on connections: how many there may be, and how long a client may keep one without making progress.

A client that sends its request byte by byte, sends nothing or does not read its response occupies one connection, and
only until a timeout. All times are readings of time.monotonic.
"""

import asyncio
from typing import Protocol

from ingress.http.client_addresses import AddressLimit
from ingress.http.problems import Overloaded
from schemas import timestamps
from schemas.runtime import open_files
from schemas.settings import Settings
from schemas.timestamps import MonotonicSeconds

#: How long a request's head may take, from its first byte or from the start of the connection.
HEAD_TIMEOUT_SECONDS = 10.0
#: How long a connection may be idle between two requests; reverse proxies close theirs earlier.
IDLE_TIMEOUT_SECONDS = 75.0
#: The same while nearly all connections are taken: those that idle make room for those that do not.
CROWDED_IDLE_TIMEOUT_SECONDS = 5.0
#: The share of all connections from which on that holds.
CROWDED_SHARE = 0.9
#: How long a client may leave sent data unread.
WRITE_TIMEOUT_SECONDS = 30.0
#: Time between two checks of all connections.
CHECK_INTERVAL_SECONDS = 1.0


class ConnectionTimers:
    """Tracks the head, idle and write timeouts of one connection."""

    __slots__ = ("_head_since", "_idle_since", "_in_flight", "_unread_since")

    def __init__(self, now: MonotonicSeconds) -> None:
        self._in_flight = 0
        self._head_since: float | None = now
        self._idle_since = now
        self._unread_since: float | None = None

    def data_received(self, now: MonotonicSeconds) -> None:
        """Record data that the fast path has not answered: the head of a request has begun."""
        if not self._in_flight and self._head_since is None:
            self._head_since = now

    def request_started(self) -> None:
        """Record that the head of a request is complete."""
        self._head_since = None
        self._in_flight += 1

    def request_finished(self, now: MonotonicSeconds) -> None:
        """Record that a request was answered."""
        self._in_flight -= 1
        self._idle_since = now

    def fast_path_finished(self, now: MonotonicSeconds) -> None:
        """Record that a complete request was answered by the fast path."""
        self._head_since = None
        self._idle_since = now

    def set_reading(self, is_reading: bool, now: MonotonicSeconds) -> None:
        """Record whether the client reads what it is sent."""
        self._unread_since = None if is_reading else now

    def is_expired(self, now: MonotonicSeconds, idle_timeout: float | None = None) -> bool:
        """Return True if a timeout has passed and the connection must be closed; None: the usual one of idle ones."""
        if self._unread_since is not None and now - self._unread_since > WRITE_TIMEOUT_SECONDS:
            return True
        if self._in_flight:
            return False
        if self._head_since is not None:
            return now - self._head_since > HEAD_TIMEOUT_SECONDS
        return now - self._idle_since > (IDLE_TIMEOUT_SECONDS if idle_timeout is None else idle_timeout)


class Connection(Protocol):
    """A connection that counts against the limit."""

    timers: ConnectionTimers

    def abort(self) -> None:
        """Close it at once."""


class Connections:
    """The open connections of this process, at most `max_connections`, and of each address within its limit."""

    def __init__(self, max_connections: int, per_address: AddressLimit) -> None:
        self._max_connections = max_connections
        self._per_address = per_address
        self._open: dict[Connection, str | None] = {}  # with the name that counts for the address

    def admit(self, connection: Connection, remote: str | None) -> None:
        """Count a connection from this address; raises Problem at a limit: 429 of the address, 503 of the process."""
        if len(self._open) >= self._max_connections:
            raise Overloaded()
        self._open[connection] = self._per_address.acquire_connection(remote)

    def remove(self, connection: Connection) -> None:
        """Stop counting a connection that is closed."""
        self._per_address.release(self._open.pop(connection))

    def close_expired(self, now: MonotonicSeconds) -> None:
        """Close the connections that have passed a timeout."""
        is_crowded = len(self._open) >= CROWDED_SHARE * self._max_connections
        idle_timeout = CROWDED_IDLE_TIMEOUT_SECONDS if is_crowded else None
        for connection in [one for one in self._open if one.timers.is_expired(now, idle_timeout)]:
            connection.abort()

    async def enforce_timeouts(self) -> None:
        """Close expired connections once a second until cancelled."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL_SECONDS)
            self.close_expired(timestamps.monotonic_clock())


def limited_connections(settings: Settings) -> Connections:
    """Return the connections within the settings' limits, and as many as RLIMIT_NOFILE, which is raised, permits."""
    per_address = AddressLimit(settings, settings.max_connections_per_address)
    return Connections(open_files.raise_limit(settings.max_connections), per_address)
