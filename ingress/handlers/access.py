"""Authorization: compares the bearer token of a request with the roles that its route allows.

A token that is not valid is answered 401 with the reason. A rejection of a valid one does not reveal what exists: one
that does not open a restaurant is answered 403 whether or not there is such a restaurant, and an order that the token
does not open is answered 404, like an order that does not exist.
"""

from typing import NamedTuple

from aiohttp import web

from ingress.handlers.app_keys import ACCESS_RULES, AUTHOR, PARTNER_TOKENS, SETTINGS, TOKENS, VIEWS
from ingress.http import tokens
from ingress.http.problems import Problem, Unavailable
from ingress.http.roles import Role
from ingress.http.token_claims import AdminClaims, Claims, CustomerClaims, OrderClaims, RestaurantClaims
from ingress.load_shedding.admitted_orders import Party
from ingress.views import answers
from ingress.views.ports import OrderView
from schemas import buckets, identity
from schemas.orders import Order, is_held_by

_NO_ROLE: frozenset[Role] = frozenset()


async def authorize(request: web.Request) -> None:
    """Raise Problem if the token cannot open the route, Unavailable if a partner's keys cannot be had.

    Whether a token opens an order is known only when the order is read: see `authorize_order`.
    """
    allowed = _allowed_roles(request)
    if allowed is None or Role.ANYONE in allowed or Role.AUTHENTICATED_IN_HANDLER in allowed:
        return
    tokens.require(bool(allowed))
    token = tokens.bearer(request.headers)
    if "order_id" in request.match_info:
        return
    restaurant_id = request.match_info.get("restaurant_id")
    claims = await read_token(request, token, restaurant_id=restaurant_id)
    tokens.require(not allowed.isdisjoint(roles(claims, restaurant_id)))
    if isinstance(claims, AdminClaims | RestaurantClaims):
        request[AUTHOR] = claims.author


async def read_token(
    request: web.Request, token: str, *, order_id: str | None = None, restaurant_id: str | None = None
) -> Claims:
    """Return what a valid token says, ours or a partner's; the arguments are those of `Tokens.read`.

    Raises Problem `unauthorized` with the reason, Unavailable if a partner's keys cannot be had.
    """
    partners = request.app[PARTNER_TOKENS]
    if partners.is_partners(token):
        customer = await partners.read(token)
        return CustomerClaims(customer.id, customer.assurance)
    return request.app[TOKENS].read(token, order_id=order_id, restaurant_id=restaurant_id)


def roles(claims: Claims, restaurant_id: str | None) -> frozenset[Role]:
    """Return the roles that a token gives for a restaurant."""
    match claims:
        case AdminClaims():
            return frozenset({Role.ADMIN})
        case RestaurantClaims(owner, role) if owner == restaurant_id:
            return frozenset({Role.RESTAURANT, Role.MANAGER} if role == "manager" else {Role.RESTAURANT})
        case _:
            return _NO_ROLE


class OrderAccess(NamedTuple):
    """The order that a request may open, and for whom.

    `restaurant_id` is None only for an older order that no view shows. `view` is None if neither a view nor an answer
    shows the order yet.
    """

    order_id: str
    restaurant_id: str | None
    view: OrderView | None
    claims: OrderClaims | RestaurantClaims

    @property
    def is_customer(self) -> bool:
        """True for the order's customer, False for its restaurant."""
        return isinstance(self.claims, OrderClaims)

    @property
    def holder(self) -> str | None:
        """The holder that the order must have; None: any, for its restaurant."""
        return self.claims.holder if isinstance(self.claims, OrderClaims) else None

    @property
    def party(self) -> Party:
        """Whose budget of commands a request uses."""
        return Party.CUSTOMER if self.is_customer else Party.RESTAURANT

    def require_opened(self, request: web.Request, order: Order) -> None:
        """Raise Problem `unknown-order` if the token is for another request than the one that placed the order.

        A token of an earlier release names no time, so it opens an order for as long as a token of today would.
        """
        is_over = (
            isinstance(self.claims, OrderClaims)
            and self.claims.is_legacy
            and request.app[TOKENS].is_over(order.created_at)
        )
        if is_over or not is_held_by(order, self.holder):
            raise Problem("unknown-order")


async def authorize_order(request: web.Request) -> OrderAccess:
    """Return the order of the path; raises Problem, and Unavailable if the views cannot be read."""
    return await _authorize(request, await request.app[VIEWS].order(request.match_info["order_id"]))


async def authorize_command(request: web.Request) -> tuple[OrderAccess, str]:
    """Return the order that a command is about, and the bucket that decides it; views are not needed for that.

    Raises Problem; Unavailable if only a view knows the bucket or the order's age, and none shows the order.
    """
    order_id, has_buckets = request.match_info["order_id"], request.app[SETTINGS].escrow_buckets > 1
    try:
        view = await request.app[VIEWS].order(order_id)
    except Unavailable:
        if has_buckets or identity.restaurant_of_order(order_id) is None:
            raise
        view = None
    access = await _authorize(request, view)
    if (view := access.view) is not None:
        return access, buckets.bucket(view.order.restaurant_id, view.order.bucket or 0)
    is_legacy = isinstance(access.claims, OrderClaims) and access.claims.is_legacy
    if access.restaurant_id is None or has_buckets or is_legacy:
        raise Unavailable()
    return access, access.restaurant_id


async def _authorize(request: web.Request, view: OrderView | None) -> OrderAccess:
    allowed, order_id = _allowed_roles(request) or _NO_ROLE, request.match_info["order_id"]
    restaurant_id = identity.restaurant_of_order(order_id) if view is None else view.order.restaurant_id
    token = tokens.bearer(request.headers)
    claims = await read_token(request, token, order_id=order_id, restaurant_id=restaurant_id)
    if isinstance(claims, OrderClaims) and claims.order_id == order_id:
        if view is not None and answers.is_refusal(view) and not is_held_by(view.order, claims.holder):
            view = None  # another request with this key was refused, which says nothing of this one
        access = OrderAccess(order_id, restaurant_id, view, claims)
        if view is not None:
            access.require_opened(request, view.order)
        tokens.require(Role.CUSTOMER in allowed)
        return access
    owned = roles(claims, restaurant_id)
    if isinstance(claims, RestaurantClaims) and owned and allowed & {Role.RESTAURANT, Role.MANAGER}:
        tokens.require(not allowed.isdisjoint(owned))
        return OrderAccess(order_id, restaurant_id, view, claims)
    raise Problem("unknown-order")


def _allowed_roles(request: web.Request) -> frozenset[Role] | None:
    """Return the roles; none of them for a route without a rule. None if the router found no route."""
    resource = request.match_info.route.resource
    if resource is None:
        return None
    method = "GET" if request.method == "HEAD" else request.method
    return request.app[ACCESS_RULES].get((method, resource.canonical), frozenset())
