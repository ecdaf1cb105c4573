"""POST /v1/orders, POST /pedidos: an order is asked for."""

import asyncio

from aiohttp import web

from ingress import answers, preferences, request_headers
from ingress.bodies import OrderBody, order_faults
from ingress.body_reader import BodyReader
from ingress.keys import ASKING, SETTINGS, TOKENS
from schemas import identity, metrics
from schemas.commands import PlaceOrder

_reader = BodyReader(OrderBody, order_faults)
_read = metrics.order_hop.labels("read")


async def place(request: web.Request) -> web.Response:
    """Write the order's command and answer with its decision, or with 202 when the wait is over first."""
    app, headers = request.app, request.headers
    arrived = asyncio.get_running_loop().time()
    key = request_headers.idempotency_key(headers)
    request_headers.require_json(headers)
    wait = preferences.wait_seconds(headers.getall("Prefer", ()), app[SETTINGS].order_wait_seconds)
    body, canonical = _reader.read(await request.read())
    restaurant_id = body.restaurant_id
    order_id = identity.order_id(restaurant_id, key)
    command = PlaceOrder(
        order_id=order_id,
        restaurant_id=restaurant_id,
        idempotency_key_hash=identity.key_hash(restaurant_id, key),
        request_fingerprint=identity.fingerprint(canonical),
        items=body.items,
        delivery_address=body.delivery_address,
        payment=body.payment,
        customer=body.customer,
    )
    _read.observe(asyncio.get_running_loop().time() - arrived)
    reply = await app[ASKING].ask(
        restaurant_id, command, request_headers.traceparent(headers), arrived + wait
    )
    if reply is None:
        return answers.pending(order_id, restaurant_id, app[TOKENS])
    return answers.decided(reply, app[TOKENS])
