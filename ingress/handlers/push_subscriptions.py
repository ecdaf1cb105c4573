"""Web Push: our public key, and the subscriptions of browsers to an order."""

import os

from aiohttp import web
from msgspec import Struct

from ingress.handlers import responses
from ingress.handlers.access import authorize_visible_order
from ingress.handlers.app_keys import COMMANDS, PUSH_KEY, SETTINGS
from ingress.handlers.request_bodies import (
    SubscriptionBody,
    UnsubscriptionBody,
    endpoint_errors,
    subscription_errors,
)
from ingress.http import request_body, request_headers
from ingress.http.body_validation import BodyReader
from ingress.http.content_negotiation import negotiate_language
from ingress.http.problems import Problem, invalid
from schemas import codec
from schemas.notifications import PushSubscription
from schemas.topics import PUSH_SUBSCRIPTIONS


class PushKey(Struct, frozen=True):
    """The `applicationServerKey` of PushManager.subscribe()."""

    key: str


class SubscriptionResponse(Struct, frozen=True):
    """The subscription of a browser to an order."""

    order_id: str
    endpoint: str


_subscriptions = BodyReader(SubscriptionBody, subscription_errors)
_unsubscriptions = BodyReader(UnsubscriptionBody)


async def key(request: web.Request) -> web.Response:
    """GET /v1/push/key: the public key; 404 if this installation pushes nothing."""
    return responses.respond(PushKey(_public_key(request)))


async def subscribe(request: web.Request) -> web.Response:
    """POST /v1/orders/{order_id}/push: subscribe a browser to an order, for its customer."""
    _public_key(request)
    order, _ = await authorize_visible_order(request)
    body = await request_body.read(request, _subscriptions)
    if errors := endpoint_errors("/endpoint", body.endpoint, request.app[SETTINGS].webhook_allow_private):
        raise invalid(*errors)
    subscription = PushSubscription(
        restaurant_id=order.restaurant_id,
        order_id=order.order_id,
        action="subscribe",
        endpoint=body.endpoint,
        p256dh=body.keys.p256dh.rstrip("="),
        auth=body.keys.auth.rstrip("="),
        language=negotiate_language(request_headers.joined(request.headers, "Accept-Language")),
    )
    await _publish(request, subscription)
    return responses.respond(SubscriptionResponse(order.order_id, body.endpoint), responses.PRIVATE, 201)


async def unsubscribe(request: web.Request) -> web.Response:
    """DELETE /v1/orders/{order_id}/push: unsubscribe the browser in the body, or all browsers without a body."""
    order, _ = await authorize_visible_order(request)
    body = await request_body.read_optional(request, _unsubscriptions)
    await _publish(
        request, PushSubscription(order.restaurant_id, order.order_id, "unsubscribe", body.endpoint)
    )
    return web.Response(status=204)


async def _publish(request: web.Request, subscription: PushSubscription) -> None:
    """Write a subscription, or its end, to Kafka for the notifier; unlike a command, it has no reply."""
    traceparent = request_headers.traceparent(request.headers)
    headers = codec.headers(PushSubscription, os.urandom(16).hex(), traceparent)
    key, value = subscription.restaurant_id.encode(), codec.encode(subscription)
    await request.app[COMMANDS].producer.send(PUSH_SUBSCRIPTIONS.name, key, value, headers)


def _public_key(request: web.Request) -> str:
    """Return the public key; raises Problem if this installation has none."""
    if not (public_key := request.app[PUSH_KEY]):
        raise Problem("not-found")
    return public_key
