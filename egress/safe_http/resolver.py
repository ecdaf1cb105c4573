"""DNS resolver and socket factory that allow public addresses only.

A socket connects to an address that was checked, and is checked again. So DNS rebinding, a name that changes after the
check, has no effect.

The system's lookup cannot be cancelled. One that hangs holds its thread, so there are many threads, a name holds one of
them, and a request waits for `LOOKUP_TIMEOUT_SECONDS` at most. They are daemon threads, which hold up no shutdown.
"""

import asyncio
import contextlib
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from aiohttp.abc import AbstractResolver, ResolveResult
from msgspec import Struct

from egress.safe_http.addresses import is_public
from schemas import timestamps
from schemas.timestamps import MonotonicSeconds

#: Concurrent lookups: silent name servers must hold up the names of no other. A thread that waits costs little.
MAX_LOOKUPS = 1_024
#: How long to wait for a lookup, in seconds.
LOOKUP_TIMEOUT_SECONDS = 3.0
#: How long addresses are used without a lookup, in seconds.
FRESH_SECONDS = 30.0
#: How long they are used if a lookup does not end in time, in seconds.
STALE_SECONDS = 600.0
#: How long a failed lookup is not repeated, in seconds.
FAILURE_SECONDS = 5.0
#: Names whose lookup is remembered; the one that was looked up first is forgotten first.
MAX_NAMES = 4_096

T = TypeVar("T")
Lookup = Callable[..., list[Any]]
Name = tuple[str, socket.AddressFamily]


class ForbiddenAddressError(OSError):
    """The host has no public address."""


class LookupResult(Struct, frozen=True):
    """How the last lookup of a name ended, and the addresses that were found last."""

    ended_at: MonotonicSeconds
    error: OSError | None
    found: list[Any]
    found_at: MonotonicSeconds


class PublicResolver(AbstractResolver):
    """Resolves names in threads of its own and drops non-public addresses.

    Args:
        lookup: resolves a name; replaced in tests.
        allow_private: also return private addresses, for tests and demonstrations.
        clock: monotonic.
    """

    def __init__(
        self,
        lookup: Lookup = socket.getaddrinfo,
        allow_private: bool = False,
        clock: Callable[[], MonotonicSeconds] = timestamps.monotonic_clock,
    ) -> None:
        self._lookup = lookup
        self._allow_private = allow_private
        self._clock = clock
        self._threads = asyncio.Semaphore(MAX_LOOKUPS)
        self._results: OrderedDict[Name, LookupResult] = OrderedDict()
        self._in_flight: dict[Name, tuple[MonotonicSeconds, asyncio.Future[list[Any]]]] = {}  # with the start

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the public addresses of a name; raises ForbiddenAddressError if it has none, OSError without answer."""
        found = await self._find((host, family))
        allowed = [
            (family, proto, address[0])
            for family, _, proto, _, address in found
            if self._allow_private or is_public(address[0])
        ]
        if not allowed:
            raise ForbiddenAddressError(f"{host} has no public address")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=family,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for family, proto, address in allowed
        ]

    async def close(self) -> None:
        """Close without waiting for the threads: one may still wait for a name server."""
        for _, lookup in self._in_flight.values():
            lookup.cancel()

    async def _find(self, name: Name) -> list[Any]:
        """Return what the lookup returns, now or a while ago; raises OSError."""
        known, now = self._results.get(name), self._clock()
        if known is None or now - known.ended_at >= (
            FRESH_SECONDS if known.error is None else FAILURE_SECONDS
        ):
            started, lookup = self._in_flight.get(name) or self._start(name, now)
            await asyncio.wait([lookup], timeout=max(0.0, started + LOOKUP_TIMEOUT_SECONDS - now))
            if lookup.done() and not isinstance(lookup.exception(), OSError):
                return lookup.result()
            known = self._results.get(name)
        if known is not None and known.found and now - known.found_at < STALE_SECONDS:
            return known.found
        if known is not None and known.error is not None:
            raise known.error.with_traceback(None)
        raise TimeoutError(f"no name server answered for {name[0]}")

    def _start(self, name: Name, now: MonotonicSeconds) -> tuple[MonotonicSeconds, asyncio.Future[list[Any]]]:
        lookup = asyncio.ensure_future(self._look_up(name))
        self._in_flight[name] = now, lookup
        lookup.add_done_callback(partial(self._finish, name))
        return now, lookup

    async def _look_up(self, name: Name) -> list[Any]:
        host, family = name
        async with self._threads:
            return await _in_thread(partial(self._lookup, host, 0, family=family, type=socket.SOCK_STREAM))

    def _finish(self, name: Name, lookup: "asyncio.Future[list[Any]]") -> None:
        """Remember a result, also one that comes too late for the request."""
        del self._in_flight[name]
        error = None if lookup.cancelled() else lookup.exception()
        if lookup.cancelled() or not isinstance(error, OSError | None):
            return
        now, known = self._clock(), self._results.pop(name, None)
        if error is None:
            self._results[name] = LookupResult(now, None, lookup.result(), now)
        elif (
            known is not None and error.errno == socket.EAI_AGAIN
        ):  # the name server is silent, or has a fault
            self._results[name] = LookupResult(now, error, known.found, known.found_at)
        else:
            self._results[name] = LookupResult(now, error, [], now)
        if len(self._results) > MAX_NAMES:
            self._results.popitem(last=False)


def _in_thread(call: Callable[[], T]) -> "asyncio.Future[T]":
    """Return the outcome of a call in a daemon thread; raises OSError if there can be no more threads."""
    loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def finish(set_outcome: Callable[[Any], None], outcome: object) -> None:
        if not future.done():
            set_outcome(outcome)

    def run() -> None:
        try:
            done = partial(finish, future.set_result, call())
        except Exception as error:
            done = partial(finish, future.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(done)

    try:
        threading.Thread(target=run, name="lookup", daemon=True).start()
    except RuntimeError as error:
        raise OSError(str(error)) from error
    return future


def public_socket(address: tuple[Any, ...]) -> socket.socket:
    """Return a socket for (family, type, protocol, name, address); raises ForbiddenAddressError.

    This is the last check: every connection passes it, also those to a literal address.
    """
    family, kind, protocol, _, target = address
    if not is_public(target[0]):
        raise ForbiddenAddressError(f"{target[0]} is not a public address")
    return socket.socket(family=family, type=kind, proto=protocol)
