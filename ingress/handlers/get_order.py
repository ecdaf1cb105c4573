"""GET /v1/orders/{order_id}."""

from aiohttp import web

from ingress.handlers import order_lookup, order_representation, responses
from ingress.handlers.access import authorize_order
from ingress.handlers.app_keys import KEYRING
from ingress.handlers.order_representation import PendingOrderPage


async def get(request: web.Request) -> web.Response:
    """Return the order to its customer or its restaurant."""
    access = await authorize_order(request)
    view = await order_lookup.find(request, access)
    if view is None:
        body = PendingOrderPage(access.order_id, "pending", responses.events_url(access.order_id))
        return responses.respond(body, responses.PRIVATE)
    recipient = order_representation.open_recipient(view, request.app[KEYRING])
    return order_representation.respond(request, view.order, view.history, recipient)
