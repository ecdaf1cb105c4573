"""GET /v1/orders/{order_id}/events: an order's statuses as server-sent events."""

import asyncio

from aiohttp import web

from ingress.handlers import open_streams, order_lookup
from ingress.handlers.access import authorize_order
from ingress.handlers.app_keys import HUB, TOKENS
from ingress.handlers.open_streams import WRITE_TIMEOUT_SECONDS
from ingress.http import request_headers
from ingress.live.send_queue import SendQueue
from schemas import metrics

#: Time between two comments on a quiet stream, in seconds, so that both ends notice a broken connection.
HEARTBEAT_INTERVAL_SECONDS = 10.0
HEARTBEAT = b": \n\n"
#: Most bytes that wait in this process for one client's socket.
MAX_WRITE_BUFFER_BYTES = 16 * 1024
#: Makes the client wait a second before it reconnects.
RETRY = b"retry: 1000\n\n"
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "private, no-store",
    "X-Accel-Buffering": "no",  # nginx would buffer the events
}

_delivered = metrics.notifications.labels("sse", "delivered")


@open_streams.limit_per_address("sse")
async def events(request: web.Request) -> web.StreamResponse:
    """Send each status once, in order, from the first or after Last-Event-ID; end after a final status."""
    order_id = request.match_info["order_id"]
    access = await authorize_order(request)
    view = await order_lookup.find(request, access, accept_stale=True)
    restaurant_id, after = view.order.restaurant_id if view else None, _last_event_id(request)
    with request.app[HUB].follow_order(order_id, restaurant_id, after, access.holder) as stream:
        if view is not None:
            stream.publish(view, is_complete=False)  # the views may not have it yet
        response = web.StreamResponse(headers=HEADERS)
        await response.prepare(request)
        with (
            open_streams.serving(request, "sse", MAX_WRITE_BUFFER_BYTES),
            request.app[TOKENS].issued.watch(access.claims, stream.queue.close),
        ):
            await _send(response, stream.queue)
        return response


def _last_event_id(request: web.Request) -> int:
    """Return the version that the client received last; 0 if the header is missing or invalid."""
    value = request_headers.joined(request.headers, "Last-Event-ID")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else 0


async def _send(response: web.StreamResponse, queue: SendQueue) -> None:
    """Send until the queue is closed and empty; raises ConnectionError, and TimeoutError for a slow client."""
    await _write(response, RETRY)
    while not (queue.is_closed and queue.is_empty):
        message = await queue.get(HEARTBEAT_INTERVAL_SECONDS)
        if queue.has_overflowed:
            raise TimeoutError
        if message is None and queue.is_closed:
            break
        await _write(response, message or HEARTBEAT)
        if message is not None:
            _delivered.inc()
    async with asyncio.timeout(WRITE_TIMEOUT_SECONDS):
        await response.write_eof()


async def _write(response: web.StreamResponse, data: bytes) -> None:
    """Write, and wait until the client has read enough."""
    async with asyncio.timeout(WRITE_TIMEOUT_SECONDS):
        await response.write(data)
