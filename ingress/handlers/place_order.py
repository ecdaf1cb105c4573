"""POST /v1/orders and POST /pedidos."""

import asyncio
from collections.abc import Mapping
from functools import partial

from aiohttp import web

from ingress.handlers import responses
from ingress.handlers.app_keys import (
    ADMITTED_ORDERS,
    ANSWERS,
    COMMANDS,
    KEYRING,
    RATE_LIMITS,
    SETTINGS,
    TOKENS,
)
from ingress.handlers.request_bodies import OrderBody, encode_plain_fields, order_errors, personal_data
from ingress.http import prefer_header, request_body, request_headers
from ingress.http.problems import Problem
from ingress.http.text_fields import TextBodyReader
from ingress.load_shedding.admitted_orders import Party
from ingress.privacy import sealing
from ingress.views.answers import Answered, AnsweredOrder, Refusal, RefusalReason
from schemas import buckets, identity, metrics, timestamps
from schemas.commands import CustomerRef, PlaceOrder
from schemas.replies import Outcome, Reply

#: The outcomes that leave no fact, as an order's reason.
REFUSAL_REASONS: dict[Outcome, RefusalReason] = {
    "unknown_restaurant": "unknown_restaurant",
    "unknown_item": "unknown_item",
    "customer_required": "customer_required",
}
_reader = TextBodyReader(OrderBody, order_errors)
_validate_stage = metrics.order_stage.labels("validate")


async def place(request: web.Request) -> web.Response:
    """Send the order's command and answer with its decision, or with 202 if the wait ends first."""
    app, headers = request.app, request.headers
    arrived = asyncio.get_running_loop().time()
    key = request_headers.idempotency_key(headers)
    deadline = prefer_header.deadline(request, app[SETTINGS].order_reply_timeout_seconds)
    body = await request_body.read(request, _reader)
    restaurant_id = body.restaurant_id
    order_id = identity.order_id(restaurant_id, key)
    limit_headers: Mapping[str, str] = {}
    if not app[ADMITTED_ORDERS].is_admitted(order_id):
        app[COMMANDS].require_room(body.payment.method)
        limit_headers = app[RATE_LIMITS].consume(request, body.customer.id if body.customer else None)
    customer_id = body.customer.id if body.customer else None
    sealed = sealing.seal(
        app[KEYRING],
        order_id,
        customer_id,
        personal_data(body),
        timestamps.wall_clock(),
        app[SETTINGS].idempotency_ttl_seconds * 1_000,
    )
    plain_fingerprint = identity.fingerprint(encode_plain_fields(body))
    key_hash = identity.key_hash(restaurant_id, key)
    bucket = buckets.bucket(restaurant_id, buckets.choose(key_hash, app[SETTINGS].escrow_buckets))
    command = PlaceOrder(
        order_id=order_id,
        restaurant_id=bucket,
        idempotency_key_hash=key_hash,
        request_fingerprint=identity.combine_fingerprints(plain_fingerprint, sealed.fingerprint),
        items=body.items,
        payment=body.payment,
        customer=CustomerRef(body.customer.id) if body.customer else None,
        personal=sealed.personal,
        forgotten=sealed.forgotten,
        earlier_fingerprint=sealed.earlier_fingerprint
        and identity.combine_fingerprints(plain_fingerprint, sealed.earlier_fingerprint),
    )
    _validate_stage.observe(asyncio.get_running_loop().time() - arrived)
    reply = await app[COMMANDS].send_and_wait(
        command,
        request_headers.traceparent(headers),
        deadline,
        priority=True,
        before_send=partial(app[ADMITTED_ORDERS].consume, order_id, Party.KEY),
    )
    if reply is None:
        await app[ANSWERS].clear_refusal(order_id)
        response = responses.respond_pending(order_id, restaurant_id, app[TOKENS])
    elif sealed.customer_forgotten and reply.answer.outcome == "key_reused":
        raise Problem("customer-forgotten")
    else:
        if (answered := answered_order(order_id, restaurant_id, reply, sealed.personal)) is not None:
            await app[ANSWERS].record(answered)
        response = responses.respond_decided(reply, app[TOKENS])
    response.headers.update(limit_headers)
    return response


def answered_order(
    order_id: str, restaurant_id: str, reply: Reply, personal: bytes | None = None
) -> Answered | None:
    """Return what a reply says of an order; None if the order's key was another order's first."""
    answer = reply.answer
    if answer.order is not None:
        return AnsweredOrder(answer.order, personal)
    if answer.outcome == "key_reused":
        return None
    reason = REFUSAL_REASONS.get(answer.outcome, "refused")
    return Refusal(order_id, restaurant_id, reason, timestamps.now_text())
