"""A page of restaurants, built from the view, the query and the time. Pure."""

from collections.abc import Iterable

from msgspec import Struct

from ingress.http import cursors
from ingress.http.cursors import Key
from ingress.http.query_params import DEFAULT_LIMIT, Limit
from ingress.views.ports import RestaurantsView
from schemas.timestamps import EpochMs
from schemas.view_keys import Window

SORT_ORDER = "restaurant_id"


class RestaurantsQuery(Struct, frozen=True, cache_hash=True):
    """Filter and page of restaurants."""

    limit: Limit = DEFAULT_LIMIT
    cursor: str | None = None
    promo: bool = False


class RestaurantEntry(Struct, frozen=True):
    """One restaurant as customers see it."""

    restaurant_id: str
    name: str
    promo: bool  # a promotion is open
    menu_url: str


class RestaurantsPage(Struct, frozen=True):
    """One page of restaurants."""

    items: list[RestaurantEntry]
    next_cursor: str | None


def build_page(view: RestaurantsView, query: RestaurantsQuery, now: EpochMs) -> RestaurantsPage:
    """Return the page at `now`; raises Problem for an invalid cursor."""
    cursor = cursors.decode_cursor(query.cursor, SORT_ORDER, (str,))
    entries = [
        RestaurantEntry(
            restaurant.restaurant_id,
            restaurant.name,
            _has_open_window(view.windows.get(restaurant.restaurant_id, ()), now),
            f"/v1/restaurants/{restaurant.restaurant_id}/menu",
        )
        for restaurant in view.restaurants
    ]
    page, next_cursor = cursors.page_after(
        sorted((entry for entry in entries if entry.promo or not query.promo), key=_key),
        _key,
        cursor,
        query.limit,
    )
    return RestaurantsPage(list(page), cursors.encode_cursor(SORT_ORDER, next_cursor))


def _has_open_window(windows: Iterable[Window], now: EpochMs) -> bool:
    return any(window.starts_at <= now < window.ends_at for window in windows)


def _key(entry: RestaurantEntry) -> Key:
    return (entry.restaurant_id,)
