"""One POST to somebody else's address: bounded in time and bytes, not led elsewhere, never to what is ours."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from time import time
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp

from egress.notifying.channel import FailedError, RefusedError
from egress.ssrf.resolver import ForbiddenAddressError, PublicResolver, public_socket
from schemas import web_addresses

#: How long one attempt may take in all, and its connection, in seconds.
TOTAL_SECONDS = 10.0
CONNECT_SECONDS = 4.0
#: Most bytes of an answer that are read.
MAX_ANSWER_BYTES = 16 * 1024
#: Connections at once to one address, and in all.
PER_HOST, CONNECTIONS = 64, 512
#: Longest wait that a recipient can ask for, in seconds.
MOST_RETRY_AFTER = 3_600.0


class Reply(NamedTuple):
    """What the other side said: its status, and how long (in seconds) it asks to be left alone."""

    status: int
    retry_after: float


class Client:
    """Posts to addresses that others have chosen."""

    def __init__(self, session: aiohttp.ClientSession, allow_private: bool) -> None:
        """Take the session; see `opened`."""
        self._session = session
        self._allow_private = allow_private
        self._timeout = aiohttp.ClientTimeout(total=TOTAL_SECONDS, sock_connect=CONNECT_SECONDS)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Post once; raises FailedError where there was no answer, RefusedError where it must not go."""
        if (fault := web_addresses.fault(url, self._allow_private)) is not None:
            raise RefusedError(f"{fault}: {origin(url)}")
        try:
            async with self._session.post(
                url, data=body, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as response:
                await response.content.read(MAX_ANSWER_BYTES)
                if not response.content.at_eof():
                    response.close()  # the rest is not worth reading to use the connection again
                return Reply(response.status, _seconds(response.headers.get("Retry-After")))
        except aiohttp.ClientConnectorError as error:
            cause = getattr(error, "os_error", None)  # those of certificates have none
            if isinstance(cause, ForbiddenAddressError):
                raise RefusedError(str(cause)) from error
            raise FailedError(_told(error)) from error
        except ValueError as error:  # an address or a header that cannot be sent
            raise RefusedError(type(error).__name__) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise FailedError(_told(error)) from error


@asynccontextmanager
async def opened(allow_private: bool, resolver: PublicResolver | None = None) -> AsyncIterator[Client]:
    """Open a client; `allow_private` is for tests and the demonstration."""
    connector = (
        aiohttp.TCPConnector(limit=CONNECTIONS, limit_per_host=PER_HOST)
        if allow_private
        else aiohttp.TCPConnector(
            limit=CONNECTIONS,
            limit_per_host=PER_HOST,
            use_dns_cache=False,
            resolver=resolver or PublicResolver(),
            socket_factory=public_socket,
        )
    )
    # neither cookies nor proxies of the surroundings
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    ) as session:
        yield Client(session, allow_private)


def origin(url: str) -> str:
    """Return scheme, host and port of an address: what may be logged, since the rest may be a secret."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        return "no address"


def _told(error: BaseException) -> str:
    """Return an error without what it quotes of the address."""
    cause = getattr(error, "os_error", None) or error
    return f"{type(error).__name__}: {cause}" if str(cause) else type(error).__name__


def _seconds(retry_after: str | None) -> float:
    if retry_after is None:
        return 0.0
    if retry_after.strip().isdecimal():
        return min(float(retry_after), MOST_RETRY_AFTER)
    try:
        return max(0.0, min(parsedate_to_datetime(retry_after).timestamp() - time(), MOST_RETRY_AFTER))
    except ValueError:
        return 0.0
