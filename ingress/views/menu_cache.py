"""Menu and restaurant pages as bytes: each is rendered once, and sent until what it shows has changed.

A page is kept by what its query means, not by its spelling, and only if it has no filters or is requested again soon.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain

import msgspec

from ingress.http import cached_response, query_params
from ingress.http.cached_response import CachedResponse
from ingress.http.problems import Problem, Unavailable
from ingress.memory.sized_lru import SizedLru
from ingress.views import menu_page, restaurants_page, view_sizes
from ingress.views.cache import CachedView, ViewCache
from ingress.views.change_tracker import DEGRADED_AFTER_MS, ChangeTracker
from ingress.views.menu_page import MenuQuery
from ingress.views.ports import UNKNOWN_AS_OF, MenuView, RestaurantsView, ViewReader, ViewVersion
from ingress.views.restaurants_page import RestaurantsQuery
from schemas import timestamps, view_keys
from schemas.timestamps import EpochMs, wall_clock

#: What a page needs besides its document and the texts of its query, in bytes.
PAGE_BYTES = 3_072

_encode = msgspec.json.Encoder().encode

Query = MenuQuery | RestaurantsQuery
#: The queries of the pages that all clients begin with.
_FIRST_PAGES: tuple[Query, ...] = (MenuQuery(), RestaurantsQuery())


class _CachedPage:
    """A rendered page, and the response that was sent last, which holds the bytes of its listing.

    Args:
        source: the number of the cached view that it was rendered from.
        is_degraded: rendered without counts; None for a page that does not show its age.
        valid_until: when a promotion opens or ends, in milliseconds since 1970.
        listing: the page as a struct.
    """

    __slots__ = ("_as_of", "_etag", "_listing", "_response", "is_degraded", "source", "valid_until")

    def __init__(self, source: int, is_degraded: bool | None, valid_until: float, listing: object) -> None:
        self.source = source
        self.is_degraded = is_degraded
        self.valid_until = valid_until
        listing_bytes = _encode(listing)[:-1]  # the end of the object follows
        self._etag = cached_response.etag_of(listing_bytes + (b"degraded" if is_degraded else b""))
        self._listing: bytes | memoryview = listing_bytes
        self._as_of = -1
        self._response: CachedResponse | None = None

    @property
    def size(self) -> int:
        """What the page needs in memory, in bytes."""
        return PAGE_BYTES + len(self._listing)

    def response(self, as_of: EpochMs, now: EpochMs) -> CachedResponse:
        """Return the page with its age; the same response for all calls within a second."""
        response, second = self._response, now // 1000
        if response is None or self._as_of != as_of or response.second != second:
            end = b"}" if self.is_degraded is None else _age_members(as_of, self.is_degraded)
            response = CachedResponse((self._listing, end), self._etag, second)
            self._as_of, self._response = as_of, response
            self._listing = response.body_start(len(self._listing))
        return response


class MenuCache:
    """Pages by view and query."""

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
            "menus",
            reader.menus,
            view_sizes.view_bytes,
            tracker,
            stale_if_error_seconds,
            should_skip_reads,
            is_complete=lambda menu: menu.as_of != UNKNOWN_AS_OF,
        )
        self._restaurants: ViewCache[RestaurantsView] = ViewCache(
            "restaurants",
            partial(_load_restaurants, reader),
            view_sizes.view_bytes,
            tracker,
            stale_if_error_seconds,
            should_skip_reads,
            invalidated_by=view_keys.PROMOTIONS,
        )
        self._pages: SizedLru[tuple[str, Query], _CachedPage] = SizedLru("pages")

    def get_fresh(self, restaurant_id: str, query: MenuQuery) -> CachedResponse | None:
        """Return a page of a menu if that needs no read; None otherwise, and for any problem."""
        key = view_keys.menu(restaurant_id)
        try:
            entry = self._menus.get_fresh(key)
            return None if entry is None else self._menu_response(key, entry, query)
        except Problem:
            return None

    async def menu(self, restaurant_id: str, query_string: str) -> CachedResponse:
        """Return a page of a restaurant's menu; raises Problem."""
        entry = await self._get_menu(restaurant_id)
        query = menu_page.parse_query(query_string)
        return self._menu_response(view_keys.menu(restaurant_id), entry, query)

    async def restaurant_name(self, restaurant_id: str) -> str:
        """Return a restaurant's name; raises Problem."""
        return (await self._get_menu(restaurant_id)).view.restaurant.name

    async def restaurants(self, query_string: str) -> CachedResponse:
        """Return a page of restaurants; raises Problem."""
        entry = await self._restaurants.get(view_keys.RESTAURANTS)
        if entry is None:
            raise Unavailable()
        view, now = entry.view, wall_clock()
        query = query_params.query(RestaurantsQuery, query_string)

        def render() -> _CachedPage:
            valid_until = menu_page.valid_until(chain.from_iterable(view.windows.values()), now)
            page = restaurants_page.build_page(view, query, now)
            return _CachedPage(entry.number, None, valid_until, page)

        page = self._page((view_keys.RESTAURANTS, query), entry.number, None, now, render)
        return page.response(UNKNOWN_AS_OF, now)

    async def _get_menu(self, restaurant_id: str) -> CachedView[MenuView]:
        entry = await self._menus.get(view_keys.menu(restaurant_id))
        if entry is None:
            raise Problem("unknown-restaurant")
        return entry

    def _menu_response(self, key: str, entry: CachedView[MenuView], query: MenuQuery) -> CachedResponse:
        view, now, as_of = entry.view, wall_clock(), entry.view.as_of
        if self._menus.is_current(key, entry):  # complete up to the watermark that was polled since
            as_of = max(as_of, min(map(self._tracker.as_of, view.partitions), default=UNKNOWN_AS_OF))
        is_degraded = now - as_of > DEGRADED_AFTER_MS or not self._tracker.is_available

        def render() -> _CachedPage:
            listing = menu_page.build_listing(view, query, now, is_degraded)
            valid_until = menu_page.valid_until(view.promotions, now)
            return _CachedPage(entry.number, is_degraded, valid_until, listing)

        return self._page((key, query), entry.number, is_degraded, now, render).response(as_of, now)

    def _page(
        self,
        key: tuple[str, Query],
        source: int,
        is_degraded: bool | None,
        now: EpochMs,
        render: Callable[[], _CachedPage],
    ) -> _CachedPage:
        """Return the cached page if it shows this view at this time; else render it, and perhaps cache it."""
        page = self._pages.get(key)
        if (
            page is not None
            and page.source == source
            and page.is_degraded is is_degraded
            and now < page.valid_until
        ):
            return page
        page = render()
        put = self._pages.put if key[1] in _FIRST_PAGES else self._pages.put_on_second_request
        put(key, page, page.size + _query_bytes(key[1]))
        return page


async def _load_restaurants(
    reader: ViewReader, keys: Sequence[str]
) -> tuple[ViewVersion, Mapping[str, RestaurantsView]]:
    version, view = await reader.restaurants()
    return version, dict.fromkeys(keys, view)


def _query_bytes(query: Query) -> int:
    return sum(sys.getsizeof(value) for value in msgspec.structs.astuple(query) if isinstance(value, str))


@lru_cache(maxsize=64)
def _age_members(as_of: EpochMs, is_degraded: bool) -> bytes:
    """Return the members of a page that follow the listing, and the end of the object."""
    return b',"as_of":%b,"degraded":%b}' % (_encode(timestamps.to_text(as_of)), _encode(is_degraded))
