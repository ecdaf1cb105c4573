"""Menu and restaurant pages as bytes: each is rendered once, and sent until what it shows has changed."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain

import msgspec

from ingress.http import cached_response, query_params
from ingress.http.cached_response import CachedResponse
from ingress.http.problems import Problem, Unavailable
from ingress.views import menu_page, restaurants_page
from ingress.views.cache import CachedView, ViewCache
from ingress.views.change_tracker import DEGRADED_AFTER_MS, ChangeTracker
from ingress.views.menu_page import MenuQuery
from ingress.views.ports import UNKNOWN_AS_OF, MenuView, RestaurantsView, ViewReader, ViewVersion
from ingress.views.restaurants_page import RestaurantsQuery
from schemas import timestamps, view_keys
from schemas.timestamps import EpochMs, wall_clock

#: Bound on pages; the one that was rendered longest ago is evicted first.
MAX_PAGES = 4096

_encode = msgspec.json.Encoder().encode
_menu_query = lru_cache(maxsize=MAX_PAGES)(partial(query_params.query, MenuQuery))
_restaurants_query = lru_cache(maxsize=1024)(partial(query_params.query, RestaurantsQuery))


class _CachedPage:
    """A rendered page without its age, and the response that was sent last.

    Args:
        source: the cached view that it was rendered from.
        is_degraded: rendered without counts.
        valid_until: when a promotion opens or ends, in milliseconds since 1970.
        listing: the page as a struct.
    """

    __slots__ = ("_as_of", "_response", "etag", "head", "is_degraded", "source", "valid_until")

    def __init__(self, source: object, is_degraded: bool, valid_until: float, listing: object) -> None:
        self.source = source
        self.is_degraded = is_degraded
        self.valid_until = valid_until
        self.head = _encode(listing)[:-1]  # the end of the object follows
        self.etag = cached_response.etag_of(self.head + (b"degraded" if is_degraded else b""))
        self._as_of = -1
        self._response = CachedResponse(b"", "", -1)

    def response(self, as_of: EpochMs, now: EpochMs) -> CachedResponse:
        """Return the page of a menu with its age; the same response for all calls within a second."""
        if self._as_of != as_of or self._response.second != now // 1000:
            self._as_of = as_of
            self._response = CachedResponse(
                self.head + _age_members(as_of, self.is_degraded), self.etag, now // 1000
            )
        return self._response


class MenuCache:
    """Pages by view and query string."""

    def __init__(
        self,
        reader: ViewReader,
        tracker: ChangeTracker,
        stale_if_error_seconds: float,
        should_skip_reads: Callable[[], bool] = lambda: False,
    ) -> None:
        """Args: see `ViewCache`."""
        self._tracker = tracker
        self._menus: ViewCache[MenuView] = ViewCache(
            reader.menus,
            tracker,
            stale_if_error_seconds,
            should_skip_reads,
            is_complete=lambda menu: menu.as_of != UNKNOWN_AS_OF,
        )
        self._restaurants: ViewCache[RestaurantsView] = ViewCache(
            partial(_load_restaurants, reader),
            tracker,
            stale_if_error_seconds,
            should_skip_reads,
            invalidated_by=view_keys.PROMOTIONS,
        )
        self._pages: dict[tuple[str, str], _CachedPage] = {}

    def get_fresh(self, restaurant_id: str, query_string: str) -> CachedResponse | None:
        """Return a page of a menu if that needs no read; None otherwise, and for any problem."""
        key = view_keys.menu(restaurant_id)
        try:
            entry = self._menus.get_fresh(key)
            return None if entry is None else self._menu_response(key, entry, query_string)
        except Problem:
            return None

    async def menu(self, restaurant_id: str, query_string: str) -> CachedResponse:
        """Return a page of a restaurant's menu; raises Problem."""
        entry = await self._get_menu(restaurant_id)
        return self._menu_response(view_keys.menu(restaurant_id), entry, query_string)

    async def restaurant_name(self, restaurant_id: str) -> str:
        """Return a restaurant's name; raises Problem."""
        return (await self._get_menu(restaurant_id)).view.restaurant.name

    async def restaurants(self, query_string: str) -> CachedResponse:
        """Return a page of restaurants; raises Problem."""
        entry = await self._restaurants.get(view_keys.RESTAURANTS)
        if entry is None:
            raise Unavailable()
        view, now = entry.view, wall_clock()

        def render() -> _CachedPage:
            valid_until = menu_page.valid_until(chain.from_iterable(view.windows.values()), now)
            page = restaurants_page.build_page(view, _restaurants_query(query_string), now)
            return _CachedPage(entry, False, valid_until, page)

        page = self._page((view_keys.RESTAURANTS, query_string), entry, False, now, render)
        return CachedResponse(page.head + b"}", page.etag, now // 1000)

    async def _get_menu(self, restaurant_id: str) -> CachedView[MenuView]:
        entry = await self._menus.get(view_keys.menu(restaurant_id))
        if entry is None:
            raise Problem("unknown-restaurant")
        return entry

    def _menu_response(self, key: str, entry: CachedView[MenuView], query_string: str) -> CachedResponse:
        view, now, as_of = entry.view, wall_clock(), entry.view.as_of
        if self._menus.is_current(key, entry):  # complete up to the watermark that was polled since
            as_of = max(as_of, min(map(self._tracker.as_of, view.partitions), default=UNKNOWN_AS_OF))
        is_degraded = now - as_of > DEGRADED_AFTER_MS or not self._tracker.is_available

        def render() -> _CachedPage:
            listing = menu_page.build_listing(view, _menu_query(query_string), now, is_degraded)
            return _CachedPage(entry, is_degraded, menu_page.valid_until(view.promotions, now), listing)

        return self._page((key, query_string), entry, is_degraded, now, render).response(as_of, now)

    def _page(
        self,
        key: tuple[str, str],
        source: object,
        is_degraded: bool,
        now: EpochMs,
        render: Callable[[], _CachedPage],
    ) -> _CachedPage:
        """Return the cached page if it shows this view at this time; else render and cache it."""
        page = self._pages.get(key)
        if (
            page is not None
            and page.source is source
            and page.is_degraded is is_degraded
            and now < page.valid_until
        ):
            return page
        page = render()
        self._pages.pop(key, None)
        if len(self._pages) >= MAX_PAGES:
            del self._pages[next(iter(self._pages))]
        self._pages[key] = page
        return page


async def _load_restaurants(
    reader: ViewReader, keys: Sequence[str]
) -> tuple[ViewVersion, Mapping[str, RestaurantsView]]:
    version, view = await reader.restaurants()
    return version, dict.fromkeys(keys, view)


@lru_cache(maxsize=1024)
def _age_members(as_of: EpochMs, is_degraded: bool) -> bytes:
    """Return the members of a page that follow the listing, and the end of the object."""
    return b',"as_of":%b,"degraded":%b}' % (_encode(timestamps.to_text(as_of)), _encode(is_degraded))
