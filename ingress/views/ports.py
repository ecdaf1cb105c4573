"""The views as ingress reads them; egress writes them."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.orders import Order, Status
from schemas.timestamps import EpochMs
from schemas.view_keys import Window

#: `as_of` of what has no watermark: nothing is known of its age.
UNKNOWN_AS_OF = EpochMs(0)


class ViewVersion(Struct, frozen=True):
    """When something was read: the generation of the views, and the number of changes to them by then."""

    generation: str
    revision: int


class ViewChanges(Struct, frozen=True):
    """Which views have changed, and the watermarks: instants up to which the views are complete."""

    generation: str
    revision: int
    revisions: dict[str, int]  # by key of a view, the revision of its last change
    watermarks: dict[int, EpochMs]  # by partition


class MenuView(Struct, frozen=True):
    """A restaurant's menu, complete up to `as_of`."""

    restaurant: Restaurant
    items: list[Item]
    stocks: dict[str, Stock]  # by sku
    promotions: list[Promotion]
    as_of: EpochMs
    partitions: tuple[int, ...] = ()  # that decide for the restaurant, its home first; empty: not known


class StatusChange(Struct, frozen=True):
    """One status of an order's history, and the version of the order that it came with."""

    status: Status
    at: str
    version: int = 0


class OrderView(Struct, frozen=True):
    """An order, its statuses by version, and its sealed personal data."""

    order: Order
    history: list[StatusChange]
    personal: bytes | None = None


class RestaurantsView(Struct, frozen=True):
    """All restaurants, and the windows of their promotions."""

    restaurants: list[Restaurant]
    windows: dict[str, list[Window]]  # by restaurant id


class ViewReader(Protocol):
    """Reads views by key (schemas/view_keys.py); each method raises Unavailable if they cannot be read in time."""

    async def menus(self, keys: Sequence[str]) -> tuple[ViewVersion, dict[str, MenuView]]:
        """Return the menus that exist, by key."""

    async def restaurants(self) -> tuple[ViewVersion, RestaurantsView]:
        """Return all restaurants."""

    async def order(self, order_id: str) -> OrderView | None:
        """Return an order; None if no view shows it yet."""

    async def field_version(self, key: str, field: str) -> int:
        """Return the version of one field of a view; 0 if the view does not have it."""

    async def changes(self, generation: str, revision: int) -> ViewChanges:
        """Return what has changed since this revision; everything, if this generation is no longer the current one."""

    async def ping(self) -> bool:
        """Return True if the views can be read."""
