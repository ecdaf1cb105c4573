"""GET /v1/orders/{order_id}/events: an order's statuses as server-sent events, from the first or after Last-Event-ID."""

import asyncio
import time

from aiohttp import web

from ingress import access
from ingress.front import OPENED_AT
from ingress.keys import HUB
from ingress.live.order_stream import OrderStream
from schemas import metrics

#: Between two comments on a stream where nothing happens, in seconds: so that both ends notice a dead connection.
HEARTBEAT_SECONDS = 10.0
HEARTBEAT = b": \n\n"
#: How long a client may take to take what was written, in seconds.
WRITE_SECONDS = 10.0
#: Bytes that wait in this process for one client's socket.
WRITE_BUFFER = 16 * 1024
#: When a client may come back, in milliseconds.
RETRY = b"retry: 1000\n\n"

_delivered = metrics.notifications.labels("sse", "delivered")
_failed = metrics.notifications.labels("sse", "failed")


async def events(request: web.Request) -> web.StreamResponse:
    """Send each status once, in order; end after a final one."""
    order_id = request.match_info["order_id"]
    view, _ = await access.order(request)
    restaurant_id = view.order.restaurant_id if view else None
    with request.app[HUB].order(order_id, restaurant_id, _last_event_id(request)) as stream:
        return await _send(request, stream)


def _last_event_id(request: web.Request) -> int:
    """Return the version that the client has heard of; 0 where it says none, or what is none."""
    given = request.headers.get("Last-Event-ID", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 16 else 0


async def _send(request: web.Request, stream: OrderStream) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "private, no-store",
            "X-Accel-Buffering": "no",  # nginx would hold events back
        }
    )
    await response.prepare(request)
    request[OPENED_AT] = time.perf_counter()
    transport = request.transport
    if transport is None:
        return response
    transport.set_write_buffer_limits(high=WRITE_BUFFER)
    outbox = stream.outbox
    try:
        await _write(response, RETRY)
        while not (outbox.closed and outbox.is_empty):
            message = await outbox.get(HEARTBEAT_SECONDS)
            if message is None and outbox.closed:
                break
            await _write(response, message or HEARTBEAT)
            if message is not None:
                _delivered.inc()
        async with asyncio.timeout(WRITE_SECONDS):
            await response.write_eof()
    except (ConnectionError, TimeoutError) as error:
        if isinstance(error, TimeoutError):  # too slow: it resumes where it was
            _failed.inc()
        transport.abort()
    return response


async def _write(response: web.StreamResponse, data: bytes) -> None:
    """Write, and wait until the client takes it; raises ConnectionError, TimeoutError."""
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(data)
