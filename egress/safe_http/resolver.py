"""DNS resolver and socket factory that allow public addresses only.

Names are resolved for each connection, without a cache, and the socket connects to the address that was
checked. So DNS rebinding, a name that changes after the check, has no effect.
"""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from egress.safe_http.addresses import is_public

#: Concurrent lookups, so that one slow name server does not delay the names of others.
MAX_LOOKUPS = 32

Lookup = Callable[..., list[Any]]


class ForbiddenAddressError(OSError):
    """The host has no public address."""


class PublicResolver(AbstractResolver):
    """Resolves names in threads of its own and drops non-public addresses.

    Args:
        lookup: resolves a name; replaced in tests.
    """

    def __init__(self, lookup: Lookup = socket.getaddrinfo) -> None:
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(MAX_LOOKUPS, "lookup")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the public addresses of a name; raises ForbiddenAddressError if it has none."""
        lookup = partial(self._lookup, host, port, family=family, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, lookup)
        public = [(family, proto, address) for family, _, proto, _, address in found if is_public(address[0])]
        if not public:
            raise ForbiddenAddressError(f"{host} has no public address")
        return [
            ResolveResult(
                hostname=host,
                host=address[0],
                port=port,
                family=family,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for family, proto, address in public
        ]

    async def close(self) -> None:
        """Close without waiting for the threads: one may still wait for a name server."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def public_socket(address: tuple[Any, ...]) -> socket.socket:
    """Return a socket for (family, type, protocol, name, address); raises ForbiddenAddressError.

    This is the last check: every connection passes it, also those to a literal address.
    """
    family, kind, protocol, _, target = address
    if not is_public(target[0]):
        raise ForbiddenAddressError(f"{target[0]} is not a public address")
    return socket.socket(family=family, type=kind, proto=protocol)
