"""The page of restaurants: a pure function of the view, the query and the time."""

import math
from collections.abc import Iterable

from msgspec import Struct

from ingress import cursors
from ingress.cursors import Key
from ingress.pages import DEFAULT_LIMIT, Limit
from ingress.views import RestaurantsView
from schemas.views import Window

ORDER = "restaurant_id"


class RestaurantsQuery(Struct, frozen=True):
    """Which restaurants are asked for."""

    limit: Limit = DEFAULT_LIMIT
    cursor: str | None = None
    promo: bool = False


class RestaurantEntry(Struct, frozen=True):
    """One restaurant as customers see it."""

    restaurant_id: str
    name: str
    promo: bool  # whether a promotion is open
    menu_url: str


class RestaurantsPage(Struct, frozen=True):
    """One page of restaurants."""

    items: list[RestaurantEntry]
    next_cursor: str | None


def page(view: RestaurantsView, query: RestaurantsQuery, now: int) -> RestaurantsPage:
    """Return the page at `now` (milliseconds since 1970); raises Problem for a cursor that is none."""
    cursor = cursors.read(query.cursor, ORDER, (str,))
    entries = [
        RestaurantEntry(
            restaurant.restaurant_id,
            restaurant.name,
            _any_open(view.windows.get(restaurant.restaurant_id, ()), now),
            f"/v1/restaurants/{restaurant.restaurant_id}/menu",
        )
        for restaurant in view.restaurants
    ]
    chosen, following = cursors.cut(
        sorted((entry for entry in entries if entry.promo or not query.promo), key=_key),
        _key,
        cursor,
        query.limit,
    )
    return RestaurantsPage(list(chosen), cursors.write(ORDER, following))


def good_until(view: RestaurantsView, now: int) -> float:
    """Return when (milliseconds since 1970) a page of this view changes by itself: a promotion opens or ends."""
    windows = (window for windows in view.windows.values() for window in windows)
    return min((at for w in windows for at in (w.starts_at, w.ends_at) if at > now), default=math.inf)


def _any_open(windows: Iterable[Window], now: int) -> bool:
    return any(window.starts_at <= now < window.ends_at for window in windows)


def _key(entry: RestaurantEntry) -> Key:
    return (entry.restaurant_id,)
