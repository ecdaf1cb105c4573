"""Web Push: our public key, and the subscriptions of browsers to an order."""

import os

from aiohttp import web
from msgspec import Struct

from ingress.handlers import order_lookup, responses
from ingress.handlers.access import OrderAccess, authorize_command
from ingress.handlers.app_keys import ADMITTED_ORDERS, COMMANDS, PUSH_KEY, SETTINGS
from ingress.handlers.request_bodies import (
    SubscriptionBody,
    UnsubscriptionBody,
    endpoint_errors,
    subscription_errors,
)
from ingress.http import request_body, request_headers
from ingress.http.content_negotiation import negotiate_language
from ingress.http.problems import Problem, invalid
from ingress.http.text_fields import TextBodyReader
from ingress.views import answers
from schemas import buckets, codec
from schemas.notifications import PushSubscription, subscription_id
from schemas.topics import PUSH_SUBSCRIPTIONS


class PushKey(Struct, frozen=True):
    """The `applicationServerKey` of PushManager.subscribe()."""

    key: str


class SubscriptionResponse(Struct, frozen=True):
    """The subscription of a browser to an order."""

    order_id: str
    endpoint: str


_subscriptions = TextBodyReader(SubscriptionBody, subscription_errors)
_unsubscriptions = TextBodyReader(UnsubscriptionBody)


async def key(request: web.Request) -> web.Response:
    """GET /v1/push/key: the public key; 404 if this installation pushes nothing."""
    return responses.respond(PushKey(_public_key(request)))


async def subscribe(request: web.Request) -> web.Response:
    """POST /v1/orders/{order_id}/push: subscribe a browser to an order, for its customer."""
    _public_key(request)
    access, restaurant_id = await _authorize(request)
    body = await request_body.read(request, _subscriptions)
    if errors := endpoint_errors("/endpoint", body.endpoint, request.app[SETTINGS].webhook_allow_private):
        raise invalid(*errors)
    subscription = PushSubscription(
        restaurant_id=restaurant_id,
        order_id=access.order_id,
        action="subscribe",
        endpoint=body.endpoint,
        p256dh=body.keys.p256dh.rstrip("="),
        auth=body.keys.auth.rstrip("="),
        language=negotiate_language(request_headers.joined(request.headers, "Accept-Language")),
        holder=access.holder,
        subscription_id=subscription_id(access.order_id, body.endpoint),
    )
    await _publish(request, subscription)
    return responses.respond(SubscriptionResponse(access.order_id, body.endpoint), responses.PRIVATE, 201)


async def unsubscribe(request: web.Request) -> web.Response:
    """DELETE /v1/orders/{order_id}/push: unsubscribe the browser in the body, or all browsers without a body."""
    access, restaurant_id = await _authorize(request)
    body = await request_body.read_optional(request, _unsubscriptions)
    browser = None if body.endpoint is None else subscription_id(access.order_id, body.endpoint)
    await _publish(
        request, PushSubscription(restaurant_id, access.order_id, "unsubscribe", subscription_id=browser)
    )
    return web.Response(status=204)


async def _authorize(request: web.Request) -> tuple[OrderAccess, str]:
    """Return the order, and its restaurant's id; counts against the order's budget. Raises Problem.

    No decider compares the holder of a subscription. So the order must be known here: it may be that another request
    with its key has placed it, or will.
    """
    access, bucket = await authorize_command(request)
    view = access.view or await order_lookup.find(request, access)
    if view is None or answers.is_refusal(view):
        raise Problem("unknown-order")
    request.app[ADMITTED_ORDERS].consume(access.order_id, access.party)
    return access, buckets.restaurant(bucket)


async def _publish(request: web.Request, subscription: PushSubscription) -> None:
    """Write a subscription, or its end, to Kafka for the notifier; unlike a command, it has no reply."""
    traceparent = request_headers.traceparent(request.headers)
    headers = codec.headers(PushSubscription, os.urandom(16).hex(), traceparent)
    key, value = subscription.record_key(), codec.encode(subscription)
    await request.app[COMMANDS].producer.send(PUSH_SUBSCRIPTIONS.name, key, value, headers)


def _public_key(request: web.Request) -> str:
    """Return the public key; raises Problem if this installation has none."""
    if not (public_key := request.app[PUSH_KEY]):
        raise Problem("not-found")
    return public_key
