"""Who may do what: one table, looked up before every request; a route that is not in it is nobody's.

Nobody learns from a refusal what exists: a token that does not open a restaurant's side is refused (403) whether
there is such a restaurant or not, and an order that a token does not open is answered as one that is not there (404).
"""

from enum import Enum

from aiohttp import web

from ingress import tokens
from ingress.keys import TOKENS, VIEWS
from ingress.problems import Problem
from ingress.views import OrderView


class Who(Enum):
    """Who brings a token."""

    ANYBODY = "needs no token"
    ADMIN = "the administrator"
    RESTAURANT = "the restaurant of the path, or of the path's order"
    CUSTOMER = "who placed the order of the path"
    ASKED_LATER = "by what comes after the request, which the handler asks for; with the others"


PUBLIC = frozenset({Who.ANYBODY})
OWNER = frozenset({Who.ADMIN, Who.RESTAURANT})
PARTIES = frozenset({Who.CUSTOMER, Who.RESTAURANT})

#: By method and path, as the router names it.
ACCESS: dict[tuple[str, str], frozenset[Who]] = {
    ("POST", "/v1/orders"): PUBLIC,
    ("POST", "/pedidos"): PUBLIC,
    ("GET", "/v1/orders/{order_id}"): PARTIES,
    ("GET", "/v1/orders/{order_id}/events"): PARTIES,
    ("POST", "/v1/orders/{order_id}/cancel"): PARTIES,
    ("POST", "/v1/orders/{order_id}/status"): frozenset({Who.RESTAURANT}),
    ("POST", "/v1/orders/{order_id}/push"): frozenset({Who.CUSTOMER}),
    ("DELETE", "/v1/orders/{order_id}/push"): frozenset({Who.CUSTOMER}),
    ("GET", "/v1/push/key"): PUBLIC,
    ("GET", "/v1/restaurants"): PUBLIC,
    ("PUT", "/v1/restaurants/{restaurant_id}"): frozenset({Who.ADMIN}),
    ("GET", "/v1/restaurants/{restaurant_id}/menu"): PUBLIC,
    ("GET", "/catalogo"): PUBLIC,
    ("PUT", "/v1/restaurants/{restaurant_id}/menu/{sku}"): OWNER,
    ("PUT", "/v1/restaurants/{restaurant_id}/promotions/{promotion_id}"): OWNER,
    ("GET", "/v1/restaurants/{restaurant_id}/dashboard"): frozenset({Who.RESTAURANT}),
    ("GET", "/v1/restaurants/{restaurant_id}/feed"): frozenset({Who.ASKED_LATER, Who.RESTAURANT}),
    ("GET", "/openapi.json"): PUBLIC,
    ("GET", "/"): PUBLIC,
    ("GET", "/painel/{restaurant_id}"): PUBLIC,
    ("GET", "/web/{version}/{name}"): PUBLIC,
    ("GET", "/sw.js"): PUBLIC,
    ("GET", "/docs"): PUBLIC,
    ("GET", "/health/live"): PUBLIC,
    ("GET", "/health/ready"): PUBLIC,
    ("GET", "/metrics"): PUBLIC,
    ("GET", "/problems/{slug}"): PUBLIC,
}


def check(request: web.Request) -> None:
    """Refuse a request whose token cannot open its route; raises Problem.

    Whether a token opens an order is known when the order is read: `order` says it.
    """
    allowed = _allowed(request)
    if allowed is None or Who.ANYBODY in allowed or Who.ASKED_LATER in allowed:
        return
    tokens.require(bool(allowed))
    token, known = tokens.bearer(request.headers), request.app[TOKENS]
    if "order_id" in request.match_info:
        return
    restaurant_id = request.match_info.get("restaurant_id")
    is_restaurant = restaurant_id is not None and known.is_restaurant(token, restaurant_id)
    is_admin = known.is_admin(token)
    tokens.require((is_admin and Who.ADMIN in allowed) or (is_restaurant and Who.RESTAURANT in allowed))


async def order(request: web.Request) -> tuple[OrderView | None, bool]:
    """Return the order of the path, and whether the token is its customer's; otherwise it is its restaurant's.

    None for a customer whose order is not shown yet. Raises Problem: Unavailable when the views cannot be read.
    """
    allowed, order_id = _allowed(request) or frozenset(), request.match_info["order_id"]
    token, known = tokens.bearer(request.headers), request.app[TOKENS]
    is_customer = known.is_order(token, order_id)
    view = await request.app[VIEWS].order(order_id)
    if is_customer and Who.CUSTOMER in allowed:
        return view, True
    if (
        view is not None
        and Who.RESTAURANT in allowed
        and known.is_restaurant(token, view.order.restaurant_id)
    ):
        return view, False
    raise Problem("forbidden" if is_customer else "unknown-order")


def _allowed(request: web.Request) -> frozenset[Who] | None:
    """Return who may; None where the router found no route, which is answered without a token."""
    resource = request.match_info.route.resource
    if resource is None:
        return None
    method = "GET" if request.method == "HEAD" else request.method
    return ACCESS.get((method, resource.canonical), frozenset())
