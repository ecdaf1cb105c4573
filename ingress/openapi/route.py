"""A row of the table of routes (ingress/routes.py)."""

from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Struct

from ingress.http.roles import Role
from ingress.openapi.operation import Operation

Method = Literal["GET", "POST", "PUT", "DELETE"]
#: The kinds of bearer tokens, by the role of their holder.
Token = Literal["admin", "order", "restaurant", "customer"]
_TOKEN_BY_ROLE: dict[Role, Token] = {
    Role.ADMIN: "admin",
    Role.CUSTOMER: "order",
    Role.RESTAURANT: "restaurant",
    Role.MANAGER: "restaurant",
}


class Route(Struct, frozen=True):
    """A route: what the router, the access check and the OpenAPI document need to know of it.

    `operation` is None for a route that is not part of the API. `is_shed_first` marks the routes whose requests are
    rejected before all others when load rises.
    """

    method: Method
    path: str
    handler: Handler
    access: frozenset[Role]
    operation: Operation | None
    is_shed_first: bool = False

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The bearer tokens that open the route; none if it is public, or its handler checks the token."""
        if Role.AUTHENTICATED_IN_HANDLER in self.access:
            return ()
        return tuple(token for role, token in _TOKEN_BY_ROLE.items() if role in self.access)

    @property
    def optional_token(self) -> Token | None:
        """The token that a public route reads if it is there."""
        return "customer" if Role.PROVED_CUSTOMER in self.access else None

    def definition(self) -> web.RouteDef:
        """Return the route for aiohttp's router; a GET answers HEAD too, unless its response is a stream."""
        if self.method != "GET":
            return web.route(self.method, self.path, self.handler)
        operation = self.operation
        is_stream = operation is not None and (operation.is_event_stream or operation.websocket is not None)
        return web.get(self.path, self.handler, allow_head=not is_stream)
