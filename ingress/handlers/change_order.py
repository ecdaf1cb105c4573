"""POST /v1/orders/{order_id}/cancel and /v1/orders/{order_id}/status."""

from functools import partial
from typing import Literal

from aiohttp import web
from msgspec import Struct

from ingress.handlers import order_lookup, order_representation, responses
from ingress.handlers.access import OrderAccess, authorize_command
from ingress.handlers.app_keys import ADMITTED_ORDERS, COMMANDS, SETTINGS
from ingress.handlers.order_representation import PendingOrderPage
from ingress.http import prefer_header, request_body, request_headers
from ingress.http.body_validation import BodyReader
from ingress.http.problems import Unavailable
from ingress.views.ports import OrderView
from schemas import identity
from schemas.commands import AdvanceOrder, CancelOrder
from schemas.replies import Answer, Outcome


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
    access, bucket = await authorize_command(request)
    key = request_headers.idempotency_key(request.headers)
    body = await request_body.read_optional(request, _cancels)
    order_id = access.order_id
    command = CancelOrder(
        restaurant_id=bucket,
        order_id=order_id,
        by="customer" if access.is_customer else "restaurant",
        idempotency_key_hash=identity.cancel_key_hash(order_id, key),
        request_fingerprint=identity.fingerprint(f"cancel {order_id} ".encode() + responses.encode(body)),
        holder=access.holder,
    )
    return await _change(request, access, command, deadline)


async def update_status(request: web.Request) -> web.Response:
    """Advance an order, for its restaurant. Repeating the request is harmless, so it needs no idempotency key."""
    deadline = prefer_header.deadline(request, request.app[SETTINGS].order_reply_timeout_seconds)
    access, bucket = await authorize_command(request)
    body = await request_body.read(request, _statuses)
    command = AdvanceOrder(bucket, access.order_id, body.status)
    return await _change(request, access, command, deadline)


async def _change(
    request: web.Request, access: OrderAccess, command: CancelOrder | AdvanceOrder, deadline: float
) -> web.Response:
    """Send the command and answer with the changed order; with 202 and what is known of it after the deadline."""
    traceparent = request_headers.traceparent(request.headers)
    reply = await request.app[COMMANDS].send_and_wait(
        command,
        traceparent,
        deadline,
        priority=True,
        before_send=partial(request.app[ADMITTED_ORDERS].consume, access.order_id, access.party),
    )
    if reply is None:
        return _respond_pending(request, access.view, command.order_id)
    replayed = responses.REPLAYED if reply.replayed else {}
    answer = reply.answer
    known = access.view.order if access.view is not None else None
    if answer.outcome == "unknown_order" and known is not None and known.status == "cancelled":
        # it was refused without a fact: to its readers it is cancelled, so it is here, too
        outcome: Outcome = "cancelled" if isinstance(command, CancelOrder) else "invalid_transition"
        answer = Answer(outcome, known)
    elif answer.order is not None and not await order_lookup.record(request, answer.order):
        raise Unavailable()  # readers would still find the state before; repeating the request is safe
    if answer.outcome not in responses.CHANGED_OUTCOMES or answer.order is None:
        raise responses.problem_of(answer, replayed)
    return order_representation.respond(request, answer.order, headers=replayed)


def _respond_pending(request: web.Request, view: OrderView | None, order_id: str) -> web.Response:
    location = {"Location": responses.order_url(order_id)}
    if view is not None:
        return order_representation.respond(request, view.order, status=202, headers=location)
    body = PendingOrderPage(order_id, "pending", responses.events_url(order_id))
    return responses.respond(body, responses.PRIVATE | location, 202)
