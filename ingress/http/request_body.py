"""Reading a request's body: within a limit of size and time, as JSON, and validated."""

import asyncio
from typing import TypeVar

from aiohttp import web

from ingress.http.body_validation import BodyReader
from ingress.http.problems import Problem
from ingress.http.request_headers import require_json

B = TypeVar("B")

#: Longest body of a request, in bytes; a longer one is answered 413.
MAX_BODY_BYTES = 64 * 1024
#: How long a body may take to arrive, in seconds; a slower one is answered 408.
BODY_TIMEOUT_SECONDS = 10.0


async def read(request: web.Request, reader: BodyReader[B]) -> B:
    """Return the body; raises Problem, and HTTPRequestEntityTooLarge if it is too long."""
    require_json(request.headers)
    return reader.read(await _receive(request))


async def read_optional(request: web.Request, reader: BodyReader[B]) -> B:
    """Return the body, or what an empty object is read as; raises like `read`."""
    raw = await _receive(request)
    if raw:  # some clients send a Content-Type without a body
        require_json(request.headers)
    return reader.read(raw or b"{}")


async def _receive(request: web.Request) -> bytes:
    if request.content.is_eof():
        return await request.read()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
            return await request.read()
    except TimeoutError:
        raise Problem("request-timeout") from None
