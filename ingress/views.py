"""The views as ingress reads them; who keeps them is egress."""

from typing import Protocol

from msgspec import Struct

from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.orders import Order
from schemas.views import Window


class MenuView(Struct, frozen=True):
    """All that is known of one restaurant's menu, and until when (milliseconds since 1970) it is all."""

    restaurant: Restaurant
    items: list[Item]
    stocks: dict[str, Stock]  # by sku
    promotions: list[Promotion]
    as_of: int


class StatusChange(Struct, frozen=True):
    """One line of an order's history."""

    status: str
    at: str


class OrderView(Struct, frozen=True):
    """An order, and the statuses that it had, the first first."""

    order: Order
    history: list[StatusChange]


class RestaurantsView(Struct, frozen=True):
    """All restaurants, and the windows of each one's promotions."""

    restaurants: list[Restaurant]
    windows: dict[str, list[Window]]  # by restaurant id


class Views(Protocol):
    """Reads views; each method raises Unavailable when they cannot be read in time."""

    async def menu(self, restaurant_id: str) -> MenuView | None:
        """Return a restaurant's menu; None where there is no such restaurant."""

    async def order(self, order_id: str) -> OrderView | None:
        """Return an order; None where none is known yet."""

    async def restaurants(self) -> RestaurantsView:
        """Return all restaurants."""

    async def watermarks(self) -> dict[int, int]:
        """Return until when (milliseconds since 1970) the views hold all, by partition."""

    async def ping(self) -> bool:
        """Return True when the views can be read."""
