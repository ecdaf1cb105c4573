"""Roles: who may use a route, by the bearer token of the request."""

from enum import Enum


class Role(Enum):
    """The holder of a token."""

    ANYONE = "needs no token"
    ADMIN = "the administrator"
    RESTAURANT = "the restaurant of the path, or of the path's order, by any of its tokens"
    MANAGER = "the same restaurant, by a manager's token"
    CUSTOMER = "the customer who placed the path's order"
    PROVED_CUSTOMER = "a customer, whose token the handler reads; together with ANYONE"
    AUTHENTICATED_IN_HANDLER = (
        "the handler checks the token, which comes after the request; together with other roles"
    )


PUBLIC = frozenset({Role.ANYONE})
ADMIN_ONLY = frozenset({Role.ADMIN})
CUSTOMER_ONLY = frozenset({Role.CUSTOMER})
RESTAURANT_ONLY = frozenset({Role.RESTAURANT})
CUSTOMER_IN_HANDLER = frozenset({Role.ANYONE, Role.PROVED_CUSTOMER})
MANAGER_ONLY = frozenset({Role.MANAGER})
MANAGER_OR_ADMIN = frozenset({Role.ADMIN, Role.MANAGER})
CUSTOMER_OR_MANAGER = frozenset({Role.CUSTOMER, Role.MANAGER})
ORDER_PARTIES = frozenset({Role.CUSTOMER, Role.RESTAURANT})
RESTAURANT_IN_HANDLER = frozenset({Role.AUTHENTICATED_IN_HANDLER, Role.RESTAURANT})
