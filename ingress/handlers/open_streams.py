"""What the open streams of orders and boards share: how many one address may have, their duration, and the end of a
client that reads too slowly."""

import contextlib
from collections.abc import Callable, Iterator
from functools import wraps

from aiohttp import web
from aiohttp.typedefs import Handler

from ingress.handlers.app_keys import STREAMS_PER_ADDRESS
from ingress.handlers.middleware import STREAM_STARTED_AT
from schemas import metrics, timestamps

#: How long a client may take to read what was written, in seconds.
WRITE_TIMEOUT_SECONDS = 10.0


def limit_per_address(channel: str) -> Callable[[Handler], Handler]:
    """Return a decorator of a channel's handler: an address that has too many streams is answered 429."""

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def handle(request: web.Request) -> web.StreamResponse:
            limit = request.app[STREAMS_PER_ADDRESS][channel]
            with limit.hold(request.remote, request.headers.getall("X-Forwarded-For", ())):
                return await handler(request)

        return handle

    return decorate


@contextlib.contextmanager
def serving(request: web.Request, channel: str, max_write_buffer_bytes: int) -> Iterator[None]:
    """Serve a prepared stream for the block; its ConnectionError or TimeoutError ends the connection.

    Args:
        request: The request of the stream.
        channel: The channel in metrics, which count those that read too slowly; they may resume.
        max_write_buffer_bytes: Most bytes that wait in this process for the client's socket.
    """
    request[STREAM_STARTED_AT] = timestamps.monotonic_clock()
    if request.transport is not None:
        request.transport.set_write_buffer_limits(high=max_write_buffer_bytes)
    try:
        yield
    except (ConnectionError, TimeoutError) as error:
        if isinstance(error, TimeoutError):
            metrics.notifications.labels(channel, "failed").inc()
        abort(request)


def abort(request: web.Request) -> None:
    """Close the connection at once."""
    if request.transport is not None:
        request.transport.abort()
