"""POST to a URL that a user supplied: bounded in time and bytes, without redirects, to public addresses only."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from time import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp

from egress.resilience.errors import PermanentError, TransientError
from egress.safe_http.resolver import ForbiddenAddressError, PublicResolver, public_socket
from schemas import endpoint_urls

#: Timeout of a whole request, and of its connection.
TOTAL_TIMEOUT_SECONDS = 10.0
CONNECT_TIMEOUT_SECONDS = 4.0
#: Bytes of a response that are read; the rest is discarded.
MAX_RESPONSE_BYTES = 16 * 1024
#: Limit of a Retry-After header.
MAX_RETRY_AFTER_SECONDS = 3_600.0


class HttpResult(NamedTuple):
    """Status of a response, and the seconds of its Retry-After header (0: none)."""

    status: int
    retry_after: float


class SafeHttpClient:
    """Posts to user-supplied URLs; `open_client` makes one."""

    def __init__(self, session: aiohttp.ClientSession, allow_private: bool) -> None:
        self._session = session
        self._allow_private = allow_private

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> HttpResult:
        """Post once; raises TransientError without a response, PermanentError if the URL or a header is not allowed."""
        if (fault := endpoint_urls.find_fault(url, self._allow_private)) is not None:
            raise PermanentError(f"{fault}: {origin(url)}")
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                await response.content.read(MAX_RESPONSE_BYTES)
                if not response.content.at_eof():
                    response.close()  # cheaper than reading the rest to reuse the connection
                return HttpResult(response.status, _retry_after_seconds(response.headers.get("Retry-After")))
        except aiohttp.ClientConnectorError as error:
            cause = getattr(error, "os_error", None)  # certificate errors have no os_error
            if isinstance(cause, ForbiddenAddressError):
                raise PermanentError(str(cause)) from error
            raise TransientError(_describe(error)) from error
        except ValueError as error:  # an invalid URL or header
            raise PermanentError(type(error).__name__) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise TransientError(_describe(error)) from error


@asynccontextmanager
async def open_client(
    allow_private: bool,
    resolver: PublicResolver | None = None,
    total_timeout_seconds: float = TOTAL_TIMEOUT_SECONDS,
) -> AsyncIterator[SafeHttpClient]:
    """Open a client with connections and a resolver of its own, as an async context manager.

    The caller bounds how many requests are made at the same time.

    Args:
        allow_private: also allow http and private addresses, for tests and demonstrations.
        resolver: replaced in tests.
        total_timeout_seconds: timeout of a whole request.
    """
    resolver = resolver or PublicResolver(allow_private=allow_private)
    # no limits: the wait for a connection would count as time of the request
    options: dict[str, Any] = {"limit": 0, "use_dns_cache": False, "resolver": resolver}
    if not allow_private:
        options |= {"socket_factory": public_socket}
    connector = aiohttp.TCPConnector(**options)
    timeout = aiohttp.ClientTimeout(total=total_timeout_seconds, sock_connect=CONNECT_TIMEOUT_SECONDS)
    # no cookies, and no proxies from the environment
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    ) as session:
        yield SafeHttpClient(session, allow_private)


def origin(url: str) -> str:
    """Return scheme, host and port of a URL, which may be logged: the rest may be a secret."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        return "invalid URL"


def _describe(error: BaseException) -> str:
    """Return the text of an error without the parts that quote the URL."""
    cause = getattr(error, "os_error", None) or error
    return f"{type(error).__name__}: {cause}" if str(cause) else type(error).__name__


def _retry_after_seconds(retry_after: str | None) -> float:
    if retry_after is None:
        return 0.0
    if retry_after.strip().isdecimal():
        return min(float(retry_after), MAX_RETRY_AFTER_SECONDS)
    try:
        return max(0.0, min(parsedate_to_datetime(retry_after).timestamp() - time(), MAX_RETRY_AFTER_SECONDS))
    except ValueError:
        return 0.0
