"""Web Push: the key that browsers subscribe with, and who wants to be told of an order."""

from aiohttp import web
from msgspec import Struct

from ingress import access, answers, languages, request_body, request_headers
from ingress.bodies import SubscriptionBody, UnsubscriptionBody, address_faults, subscription_faults
from ingress.body_reader import BodyReader
from ingress.keys import ASKING, PUSH_KEY, SETTINGS
from ingress.problems import Problem, Unavailable, invalid
from schemas.notifications import PushSubscription


class PushKey(Struct, frozen=True):
    """The `applicationServerKey` of PushManager.subscribe()."""

    key: str


class Subscribed(Struct, frozen=True):
    """Which browser is told of which order."""

    order_id: str
    endpoint: str


_subscriptions = BodyReader(SubscriptionBody, subscription_faults)
_unsubscriptions = BodyReader(UnsubscriptionBody, lambda body: [])


async def key(request: web.Request) -> web.Response:
    """GET /v1/push/key: the `applicationServerKey` of PushManager.subscribe(); 404 where nothing is pushed."""
    return web.Response(body=answers.encode(PushKey(_key(request))), headers=answers.JSON)


async def subscribe(request: web.Request) -> web.Response:
    """POST /v1/orders/{order_id}/push: this browser wants to be told of the order; its customer's."""
    _key(request)
    restaurant_id = await _restaurant_id(request)
    request_headers.require_json(request.headers)
    body, _ = _subscriptions.read(await request_body.read(request))
    if faults := address_faults("/endpoint", body.endpoint, request.app[SETTINGS].webhook_allow_private):
        raise invalid(*faults)
    order_id = request.match_info["order_id"]
    asked = PushSubscription(
        restaurant_id=restaurant_id,
        order_id=order_id,
        action="subscribe",
        endpoint=body.endpoint,
        p256dh=body.keys.p256dh.rstrip("="),
        auth=body.keys.auth.rstrip("="),
        language=languages.negotiate(request.headers.get("Accept-Language", "")),
    )
    await request.app[ASKING].subscribe(asked, request_headers.traceparent(request.headers))
    shown = Subscribed(order_id, body.endpoint)
    return web.Response(status=201, body=answers.encode(shown), headers=answers.PRIVATE)


async def unsubscribe(request: web.Request) -> web.Response:
    """DELETE /v1/orders/{order_id}/push: the browser that the body names, or all, want to be told no more."""
    restaurant_id = await _restaurant_id(request)
    raw = await request_body.read(request)
    if raw:
        request_headers.require_json(request.headers)
    body, _ = _unsubscriptions.read(raw or b"{}")
    asked = PushSubscription(restaurant_id, request.match_info["order_id"], "unsubscribe", body.endpoint)
    await request.app[ASKING].subscribe(asked, request_headers.traceparent(request.headers))
    return web.Response(status=204)


def _key(request: web.Request) -> str:
    """Return the public key; raises Problem."""
    if not (held := request.app[PUSH_KEY]):
        raise Problem("not-found")
    return held


async def _restaurant_id(request: web.Request) -> str:
    """Return whose order it is; who comes before it is shown is told to come back. Raises Problem."""
    view, _ = await access.order(request)
    if view is None:
        raise Unavailable()
    return view.order.restaurant_id
