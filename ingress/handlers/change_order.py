"""POST /v1/orders/{order_id}/cancel and /v1/orders/{order_id}/status."""

from typing import Literal

from aiohttp import web
from msgspec import Struct

from ingress.handlers import order_representation, responses
from ingress.handlers.access import authorize_visible_order
from ingress.handlers.app_keys import COMMANDS, SETTINGS
from ingress.http import prefer_header, request_body, request_headers
from ingress.http.body_validation import BodyReader
from schemas import buckets, identity
from schemas.commands import AdvanceOrder, CancelOrder
from schemas.orders import Order


class CancelBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /v1/orders/{order_id}/cancel: an empty object, or no body at all."""


class StatusBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /v1/orders/{order_id}/status."""

    status: Literal["preparing", "out_for_delivery", "delivered"]


_cancels = BodyReader(CancelBody)
_statuses = BodyReader(StatusBody)


async def cancel(request: web.Request) -> web.Response:
    """Cancel an order, for its customer or its restaurant."""
    deadline = prefer_header.deadline(request, request.app[SETTINGS].order_reply_timeout_seconds)
    order, is_customer = await authorize_visible_order(request)
    key = request_headers.idempotency_key(request.headers)
    body = await request_body.read_optional(request, _cancels)
    command = CancelOrder(
        restaurant_id=_bucket(order),
        order_id=order.order_id,
        by="customer" if is_customer else "restaurant",
        idempotency_key_hash=identity.key_hash(order.restaurant_id, key),
        request_fingerprint=identity.fingerprint(
            f"cancel {order.order_id} ".encode() + responses.encode(body)
        ),
    )
    return await _change(request, order, command, deadline)


async def update_status(request: web.Request) -> web.Response:
    """Advance an order, for its restaurant. Repeating the request is harmless, so it needs no idempotency key."""
    deadline = prefer_header.deadline(request, request.app[SETTINGS].order_reply_timeout_seconds)
    order, _ = await authorize_visible_order(request)
    body = await request_body.read(request, _statuses)
    command = AdvanceOrder(_bucket(order), order.order_id, body.status)
    return await _change(request, order, command, deadline)


def _bucket(order: Order) -> str:
    """Return the key of the bucket that has the order. DECISIONS.md, stock-escrow"""
    return buckets.bucket(order.restaurant_id, order.bucket or 0)


async def _change(
    request: web.Request, order: Order, command: CancelOrder | AdvanceOrder, deadline: float
) -> web.Response:
    """Send the command and answer with the changed order; with 202 and the known order after the deadline."""
    traceparent = request_headers.traceparent(request.headers)
    reply = await request.app[COMMANDS].send_and_wait(command, traceparent, deadline, priority=True)
    if reply is None:
        location = {"Location": responses.order_url(order.order_id)}
        return order_representation.respond(request, order, status=202, headers=location)
    replayed = responses.REPLAYED if reply.replayed else {}
    answer = reply.answer
    if answer.outcome not in responses.CHANGED_OUTCOMES or answer.order is None:
        raise responses.problem_of(answer, replayed)
    return order_representation.respond(request, answer.order, headers=replayed)
