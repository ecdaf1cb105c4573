"""POST /v1/orders and POST /pedidos."""

import asyncio
from collections.abc import Mapping
from functools import partial

from aiohttp import web

from ingress.handlers import customer_identity, responses
from ingress.handlers.app_keys import (
    ADMITTED_ORDERS,
    ANSWERS,
    COMMANDS,
    KEYRING,
    RATE_LIMITS,
    SETTINGS,
    TOKENS,
    VIEWS,
)
from ingress.handlers.request_bodies import OrderBody, encode_plain_fields, order_errors, personal_data
from ingress.http import client_addresses, prefer_header, request_body, request_headers
from ingress.http.problems import Problem, Unavailable
from ingress.http.text_fields import TextBodyReader
from ingress.load_shedding.admitted_orders import Party
from ingress.privacy import sealing
from ingress.views import answers
from ingress.views.answers import Answered, AnsweredOrder, Refusal, RefusalReason
from schemas import buckets, identity, metrics, timestamps
from schemas.commands import CASH, PlaceOrder
from schemas.replies import Outcome, Reply
from schemas.setting_types import split_secrets

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
    customer = await customer_identity.identify(request)
    customer_id = customer.id if customer else None
    key = request_headers.idempotency_key(headers)
    deadline = prefer_header.deadline(request, app[SETTINGS].order_reply_timeout_seconds)
    body = await request_body.read(request, _reader)
    restaurant_id = body.restaurant_id
    order_id = identity.order_id(restaurant_id, key)
    limit_headers: Mapping[str, str] = {}
    if not app[ADMITTED_ORDERS].is_admitted(order_id):
        app[COMMANDS].require_room(body.payment.method)
        limit_headers = app[RATE_LIMITS].consume(request, customer_id)
    sealed = sealing.seal(
        app[KEYRING],
        order_id,
        customer_id,
        personal_data(body),
        timestamps.wall_clock(),
        app[SETTINGS].idempotency_ttl_seconds * 1_000,
    )
    plain_fingerprint = identity.fingerprint(encode_plain_fields(body, customer_id))
    fingerprint = identity.combine_fingerprints(plain_fingerprint, sealed.fingerprint)
    holder = identity.holder(fingerprint)
    key_hash = identity.key_hash(restaurant_id, key)
    bucket = buckets.bucket(restaurant_id, buckets.choose(key_hash, app[SETTINGS].escrow_buckets))
    command = PlaceOrder(
        order_id=order_id,
        restaurant_id=bucket,
        idempotency_key_hash=key_hash,
        request_fingerprint=fingerprint,
        items=body.items,
        payment=body.payment,
        customer=customer,
        personal=sealed.personal,
        forgotten=sealed.forgotten,
        client=_cash_client(request, body),
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
        if not sealed.forgotten:
            holder = await _known_holder(request, command) or holder
        await app[ANSWERS].clear_refusal(order_id)
        # the first order of this key may be of another body: this token opens none but that of this body
        response = responses.respond_pending(order_id, restaurant_id, app[TOKENS].order(order_id, holder))
    elif sealed.customer_forgotten and reply.answer.outcome == "key_reused":
        raise Problem("customer-forgotten")
    else:
        if (answered := answered_order(order_id, restaurant_id, holder, reply, sealed.personal)) is not None:
            await app[ANSWERS].record(answered)
        # of an erased order only what is not personal is compared; a customer's token proves the rest
        is_proved = not sealed.forgotten or customer is not None
        response = responses.respond_decided(reply, app[TOKENS] if is_proved else None)
    response.headers.update(limit_headers)
    return response


async def _known_holder(request: web.Request, command: PlaceOrder) -> str | None:
    """Return the holder of the key's order; None if no view shows the order.

    Raises Problem if another request has placed it: a client that does not wait gets the same 422 as one that does.
    """
    try:
        view = await request.app[VIEWS].order(command.order_id)
    except Unavailable:
        return None
    if view is None or answers.is_refusal(view) or not view.order.holder:
        return None
    given = filter(None, (command.request_fingerprint, command.earlier_fingerprint))
    if view.order.holder not in map(identity.holder, given):
        raise Problem("idempotency-key-reused")
    return view.order.holder


def _cash_client(request: web.Request, body: OrderBody) -> str:
    """Return by what a cash order's client is counted; empty for a client without limits, and for other orders."""
    if body.payment.method != CASH:
        return ""
    address = request.app[RATE_LIMITS].address(request)
    if address is None:
        return ""
    secret, *_ = split_secrets(request.app[SETTINGS].token_secret)
    return client_addresses.client_digest(secret, body.restaurant_id, address)


def answered_order(
    order_id: str, restaurant_id: str, holder: str, reply: Reply, personal: bytes | None = None
) -> Answered | None:
    """Return what a reply says of an order; None if the order's key was another order's first."""
    answer = reply.answer
    if answer.order is not None:
        return AnsweredOrder(answer.order, personal)
    if answer.outcome == "key_reused":
        return None
    reason = REFUSAL_REASONS.get(answer.outcome, "refused")
    return Refusal(order_id, restaurant_id, reason, timestamps.now_text(), holder)
