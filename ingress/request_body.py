"""The body of a request, while the client keeps sending it."""

import asyncio

from aiohttp import web

from ingress.problems import Problem

#: Longest body of a request, in bytes; past it 413.
MAX_BODY_BYTES = 64 * 1024
#: How long a body may take to come, in seconds; who sends it byte by byte must not hold a request for ever.
BODY_SECONDS = 10.0


async def read(request: web.Request) -> bytes:
    """Return the body; raises Problem when it takes too long, HTTPRequestEntityTooLarge when it is too long."""
    if request.content.is_eof():
        return await request.read()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise Problem("request-timeout") from None
