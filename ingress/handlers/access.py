"""Authorization: compares the bearer token of a request with the roles that its route allows.

A rejection does not reveal what exists. A token that does not open a restaurant is answered 403 whether or not there
is such a restaurant. An order that the token does not open is answered 404, like an order that does not exist.
"""

from aiohttp import web

from ingress.handlers.app_keys import ACCESS_RULES, TOKENS, VIEWS
from ingress.http import tokens
from ingress.http.problems import Problem, Unavailable
from ingress.http.roles import Role
from ingress.views.ports import OrderView
from schemas.orders import Order


def authorize(request: web.Request) -> None:
    """Raise Problem if the token cannot open the route.

    Whether a token opens an order is known only when the order is read: see `authorize_order`.
    """
    allowed = _allowed_roles(request)
    if allowed is None or Role.ANYONE in allowed or Role.AUTHENTICATED_IN_HANDLER in allowed:
        return
    tokens.require(bool(allowed))
    token, known = tokens.bearer(request.headers), request.app[TOKENS]
    if "order_id" in request.match_info:
        return
    restaurant_id = request.match_info.get("restaurant_id")
    is_restaurant = restaurant_id is not None and known.is_restaurant(token, restaurant_id)
    is_admin = known.is_admin(token)
    tokens.require((is_admin and Role.ADMIN in allowed) or (is_restaurant and Role.RESTAURANT in allowed))


async def authorize_order(request: web.Request) -> tuple[OrderView | None, bool]:
    """Return the order of the path, and True if the token is its customer's, False if it is its restaurant's.

    The order is None if the customer's is not in the views yet. Raises Problem; Unavailable if the views cannot be read.
    """
    allowed, order_id = _allowed_roles(request) or frozenset(), request.match_info["order_id"]
    token, known = tokens.bearer(request.headers), request.app[TOKENS]
    is_customer = known.is_order(token, order_id)
    view = await request.app[VIEWS].order(order_id)
    if is_customer and Role.CUSTOMER in allowed:
        return view, True
    if (
        view is not None
        and Role.RESTAURANT in allowed
        and known.is_restaurant(token, view.order.restaurant_id)
    ):
        return view, False
    raise Problem("forbidden" if is_customer else "unknown-order")


async def authorize_visible_order(request: web.Request) -> tuple[Order, bool]:
    """Do as `authorize_order`; raise Unavailable for an order that is not in the views, which know its restaurant."""
    view, is_customer = await authorize_order(request)
    if view is None:
        raise Unavailable()
    return view.order, is_customer


def _allowed_roles(request: web.Request) -> frozenset[Role] | None:
    """Return the roles; none of them for a route without a rule. None if the router found no route."""
    resource = request.match_info.route.resource
    if resource is None:
        return None
    method = "GET" if request.method == "HEAD" else request.method
    return request.app[ACCESS_RULES].get((method, resource.canonical), frozenset())
