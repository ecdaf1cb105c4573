"""POST /v1/orders/{order_id}/cancel and /status: an order is to change."""

import asyncio
from typing import Literal

from aiohttp import web
from msgspec import Struct

from ingress import access, answers, order_page, preferences, request_body, request_headers
from ingress.body_reader import BodyReader
from ingress.keys import ASKING, SETTINGS
from ingress.problems import Unavailable
from schemas import buckets, identity
from schemas.commands import AdvanceOrder, CancelOrder
from schemas.orders import Order


class CancelBody(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /v1/orders/{order_id}/cancel: nothing, or an empty object."""


class StatusBody(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /v1/orders/{order_id}/status."""

    status: Literal["preparing", "out_for_delivery", "delivered"]


_cancels = BodyReader(CancelBody, lambda body: [])
_statuses = BodyReader(StatusBody, lambda body: [])


async def cancel(request: web.Request) -> web.Response:
    """Cancel an order; its customer's, or its restaurant's."""
    deadline = _deadline(request)
    order, by_customer = await _order(request)
    key = request_headers.idempotency_key(request.headers)
    body = await request_body.read(request)
    if body:  # some clients name a type of no body at all
        request_headers.require_json(request.headers)
    _, canonical = _cancels.read(body or b"{}")
    command = CancelOrder(
        restaurant_id=_bucket(order),
        order_id=order.order_id,
        by="customer" if by_customer else "restaurant",
        idempotency_key_hash=identity.key_hash(order.restaurant_id, key),
        request_fingerprint=identity.fingerprint(f"cancel {order.order_id} ".encode() + canonical),
    )
    return await _change(request, order, command, deadline)


async def advance(request: web.Request) -> web.Response:
    """Move an order on; its restaurant's. Asking twice does no harm, so no key is needed."""
    deadline = _deadline(request)
    order, _ = await _order(request)
    request_headers.require_json(request.headers)
    body, _ = _statuses.read(await request_body.read(request))
    command = AdvanceOrder(_bucket(order), order.order_id, body.status)
    return await _change(request, order, command, deadline)


def _bucket(order: Order) -> str:
    """Return which bucket of its restaurant has the order (README, Stock escrow)."""
    return buckets.bucket(order.restaurant_id, order.bucket or 0)


def _deadline(request: web.Request) -> float:
    wait = preferences.wait_seconds(
        request.headers.getall("Prefer", ()), request.app[SETTINGS].order_wait_seconds
    )
    return asyncio.get_running_loop().time() + wait


async def _order(request: web.Request) -> tuple[Order, bool]:
    """Return the order, and whether its customer asks; otherwise its restaurant does. Raises Problem.

    Which restaurant's it is, only the view says: who has placed it is told to come back while it is not shown yet.
    """
    view, by_customer = await access.order(request)
    if view is None:
        raise Unavailable()
    return view.order, by_customer


async def _change(
    request: web.Request, order: Order, command: CancelOrder | AdvanceOrder, deadline: float
) -> web.Response:
    """Write the command and answer with the order as it is then; 202 and the order as known where that takes too long."""
    traceparent = request_headers.traceparent(request.headers)
    reply = await request.app[ASKING].ask(
        command.restaurant_id, command, traceparent, deadline, pressing=True
    )
    if reply is None:
        location = {"Location": answers.order_url(order.order_id)}
        return order_page.respond(request, order, status=202, headers=location)
    replayed = answers.REPLAYED if reply.replayed else {}
    answer = reply.answer
    if answer.outcome not in answers.CHANGED or answer.order is None:
        raise answers.refusal(answer, replayed)
    return order_page.respond(request, answer.order, headers=replayed)
