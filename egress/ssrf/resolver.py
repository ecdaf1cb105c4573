"""Names to addresses: public ones only, asked anew for each connection, and the connection goes to what was checked."""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from egress.ssrf.addresses import is_public

#: Names that are looked up at once; a slow name server must not hold up the names of others.
LOOKUPS = 32

Lookup = Callable[..., list[Any]]


class ForbiddenAddressError(OSError):
    """The endpoint leads to no address of the public internet."""


class PublicResolver(AbstractResolver):
    """Looks names up in threads of its own, and keeps only public addresses."""

    def __init__(self, lookup: Lookup = socket.getaddrinfo) -> None:
        """Take who knows the addresses of names."""
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(LOOKUPS, "lookup")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the public addresses of a name; raises ForbiddenAddressError where it has only others."""
        ask = partial(self._lookup, host, port, family=family, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        public = [(family, proto, address) for family, _, proto, _, address in found if is_public(address[0])]
        if not public:
            raise ForbiddenAddressError(f"{host} leads to no public address")
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
        """Let the threads end by themselves; one may still wait for a name server."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def public_socket(address: tuple[Any, ...]) -> socket.socket:
    """Return a socket for an address, as (family, type, protocol, name, address); raises ForbiddenAddressError.

    Every connection passes here last, so neither an address given as a number nor a name that
    changes its mind between a check and the connection gets by.
    """
    family, kind, protocol, _, target = address
    if not is_public(target[0]):
        raise ForbiddenAddressError(f"{target[0]} is no public address")
    return socket.socket(family=family, type=kind, proto=protocol)
