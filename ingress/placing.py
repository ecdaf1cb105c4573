"""POST /v1/orders, POST /pedidos: an order is asked for."""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from ingress import answers, preferences, request_body, request_headers, shedding
from ingress.bodies import OrderBody, order_faults, personal_of, plain_of
from ingress.body_reader import BodyReader
from ingress.keys import ASKING, ATTEMPTS, KEYRING, RATE_LIMITS, SETTINGS, TOKENS
from ingress.privacy import sealing
from schemas import buckets, identity, metrics
from schemas.commands import CustomerRef, PlaceOrder

_reader = BodyReader(OrderBody, order_faults)
_read = metrics.order_hop.labels("read")


async def place(request: web.Request) -> web.Response:
    """Write the order's command and answer with its decision, or with 202 when the wait is over first."""
    app, headers = request.app, request.headers
    arrived = asyncio.get_running_loop().time()
    key = request_headers.idempotency_key(headers)
    request_headers.require_json(headers)
    wait = preferences.wait_seconds(headers.getall("Prefer", ()), app[SETTINGS].order_wait_seconds)
    body, _ = _reader.read(await request_body.read(request))
    restaurant_id = body.restaurant_id
    limits: Mapping[str, str] = {}
    if not app[ATTEMPTS].is_retry(restaurant_id, key):
        shedding.require_room(app[ASKING])
        limits = app[RATE_LIMITS].take(request, body.customer.id if body.customer else None)
    order_id = identity.order_id(restaurant_id, key)
    sealed = sealing.seal(app[KEYRING], order_id, personal_of(body))
    key_hash = identity.key_hash(restaurant_id, key)
    bucket = buckets.bucket(restaurant_id, buckets.choose(key_hash, app[SETTINGS].escrow_buckets))
    command = PlaceOrder(
        order_id=order_id,
        restaurant_id=bucket,
        idempotency_key_hash=key_hash,
        request_fingerprint=identity.whole_fingerprint(
            identity.fingerprint(plain_of(body)), sealed.fingerprint
        ),
        items=body.items,
        payment=body.payment,
        customer=CustomerRef(body.customer.id) if body.customer else None,
        personal=sealed.personal,
        forgotten=sealed.forgotten,
    )
    _read.observe(asyncio.get_running_loop().time() - arrived)
    with app[ATTEMPTS].under_way(restaurant_id, key):
        reply = await app[ASKING].ask(
            bucket, command, request_headers.traceparent(headers), arrived + wait, pressing=True
        )
    if reply is None:
        response = answers.pending(order_id, restaurant_id, app[TOKENS])
    else:
        response = answers.decided(reply, app[TOKENS])
    response.headers.update(limits)
    return response
