"""Authorization: compares the bearer token of a request with the roles that its route allows.

A rejection does not reveal what exists. A token that does not open a restaurant is answered 403 whether or not there
is such a restaurant. An order that the token does not open is answered 404, like an order that does not exist.
"""

from typing import NamedTuple

from aiohttp import web

from ingress.handlers.app_keys import ACCESS_RULES, SETTINGS, TOKENS, VIEWS
from ingress.http import tokens
from ingress.http.problems import Problem, Unavailable
from ingress.http.roles import Role
from ingress.load_shedding.admitted_orders import Party
from ingress.views.ports import OrderView
from schemas import buckets, identity


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


class OrderAccess(NamedTuple):
    """The order that a request may open, and for whom.

    `restaurant_id` is None only for an older order that no view shows. `view` is None if neither a view nor an answer
    shows the order yet.
    """

    order_id: str
    restaurant_id: str | None
    view: OrderView | None
    is_customer: bool  # else its restaurant

    @property
    def party(self) -> Party:
        """Whose budget of commands a request uses."""
        return Party.CUSTOMER if self.is_customer else Party.RESTAURANT


async def authorize_order(request: web.Request) -> OrderAccess:
    """Return the order of the path; raises Problem, and Unavailable if the views cannot be read."""
    return _authorize(request, await request.app[VIEWS].order(request.match_info["order_id"]))


async def authorize_command(request: web.Request) -> tuple[OrderAccess, str]:
    """Return the order that a command is about, and the bucket that decides it; views are not needed for that.

    Raises Problem; Unavailable if only a view knows the bucket, and none shows the order.
    """
    order_id, has_buckets = request.match_info["order_id"], request.app[SETTINGS].escrow_buckets > 1
    try:
        view = await request.app[VIEWS].order(order_id)
    except Unavailable:
        if has_buckets or identity.restaurant_of_order(order_id) is None:
            raise
        view = None
    access = _authorize(request, view)
    if view is not None:
        return access, buckets.bucket(view.order.restaurant_id, view.order.bucket or 0)
    if access.restaurant_id is None or has_buckets:
        raise Unavailable()
    return access, access.restaurant_id


def _authorize(request: web.Request, view: OrderView | None) -> OrderAccess:
    allowed, order_id = _allowed_roles(request) or frozenset(), request.match_info["order_id"]
    token, known = tokens.bearer(request.headers), request.app[TOKENS]
    restaurant_id = identity.restaurant_of_order(order_id) if view is None else view.order.restaurant_id
    is_customer = known.is_order(token, order_id)
    if is_customer and Role.CUSTOMER in allowed:
        return OrderAccess(order_id, restaurant_id, view, True)
    if restaurant_id is not None and Role.RESTAURANT in allowed and known.is_restaurant(token, restaurant_id):
        return OrderAccess(order_id, restaurant_id, view, False)
    raise Problem("forbidden" if is_customer else "unknown-order")


def _allowed_roles(request: web.Request) -> frozenset[Role] | None:
    """Return the roles; none of them for a route without a rule. None if the router found no route."""
    resource = request.match_info.route.resource
    if resource is None:
        return None
    method = "GET" if request.method == "HEAD" else request.method
    return request.app[ACCESS_RULES].get((method, resource.canonical), frozenset())
