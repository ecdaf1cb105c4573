"""The views as ingress reads them; who keeps them is egress."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.orders import Order, Status
from schemas.views import Window


class Reading(Struct, frozen=True):
    """When something was read: in which generation of the views, and after how many changes of it."""

    generation: str
    revision: int


class Changes(Struct, frozen=True):
    """What the views say of themselves: what has changed, and until when (milliseconds since 1970) they hold all."""

    generation: str
    revision: int
    views: dict[str, int]  # by key, the revision of its last change
    watermarks: dict[int, int]  # by partition


class MenuView(Struct, frozen=True):
    """All that is known of one restaurant's menu, and until when (milliseconds since 1970) it is all."""

    restaurant: Restaurant
    items: list[Item]
    stocks: dict[str, Stock]  # by sku
    promotions: list[Promotion]
    as_of: int  # 0: not known
    partitions: tuple[int, ...] = ()  # that decide for the restaurant, the home's first; none: not known


class StatusChange(Struct, frozen=True):
    """One line of an order's history, and which version of the order it came with."""

    status: Status
    at: str
    version: int = 0


class OrderView(Struct, frozen=True):
    """An order, the statuses that it had, the first first, and its sealed personal data."""

    order: Order
    history: list[StatusChange]
    personal: bytes | None = None


class RestaurantsView(Struct, frozen=True):
    """All restaurants, and the windows of each one's promotions."""

    restaurants: list[Restaurant]
    windows: dict[str, list[Window]]  # by restaurant id


class Views(Protocol):
    """Reads views by their keys (schemas/views.py); each method raises Unavailable when they cannot be read in time."""

    async def menus(self, keys: Sequence[str]) -> tuple[Reading, dict[str, MenuView]]:
        """Return menus by key; where there is no such restaurant, none."""

    async def restaurants(self) -> tuple[Reading, RestaurantsView]:
        """Return all restaurants."""

    async def order(self, order_id: str) -> OrderView | None:
        """Return an order; None where none is known yet."""

    async def changes(self, generation: str, revision: int) -> Changes:
        """Return what has changed since this revision of this generation; all, when it is not current any more."""

    async def ping(self) -> bool:
        """Return True when the views can be read."""
