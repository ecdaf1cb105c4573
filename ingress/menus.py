"""Menu and restaurant pages, as the bytes that are sent: made once, and good until what they show has changed."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from urllib.parse import parse_qsl

import msgspec
from multidict import MultiDict

from ingress import entity, menu_page, pages, restaurants_page
from ingress.entity import Entity
from ingress.memory import Held, Memory
from ingress.menu_page import MenuQuery
from ingress.problems import Problem, Unavailable
from ingress.restaurants_page import RestaurantsQuery
from ingress.views import MenuView, Reading, RestaurantsView, Views
from ingress.watch import Watch
from schemas import instants, views

#: Age of a view, in milliseconds, past which its counts are not shown (README, decision 8).
FRESH_MS = 3_000
#: Pages kept; the one that was made longest ago goes first.
MOST_PAGES = 4096

_encode = msgspec.json.Encoder().encode


class _Page:
    """A page of a view: what does not change by getting older, and the whole as it was last sent."""

    __slots__ = ("as_of", "degraded", "etag", "head", "held", "sent", "until")

    def __init__(self, held: object, degraded: bool, until: float, listing: object) -> None:
        self.held = held
        self.degraded = degraded
        self.until = until
        self.head = _encode(listing)[:-1]  # the end of the object follows
        self.etag = entity.tag(self.head + (b"degraded" if degraded else b""))
        self.as_of = -1
        self.sent = Entity(b"", "", -1)

    def at(self, as_of: int, now: int) -> Entity:
        """Return the whole page of a menu as it is sent now."""
        if self.as_of != as_of or self.sent.second != now // 1000:
            self.as_of = as_of
            self.sent = Entity(self.head + _age(as_of, self.degraded), self.etag, now // 1000)
        return self.sent


class Menus:
    """Pages by view and query string."""

    def __init__(
        self, reader: Views, watch: Watch, unwell_seconds: float, spares: Callable[[], bool] = lambda: False
    ) -> None:
        """Take what reads views, what watches them, for how long they are shown when Redis is away, whether to spare reads."""
        self._watch = watch
        self._menus: Memory[MenuView] = Memory(
            reader.menus, watch, unwell_seconds, spares, is_whole=lambda menu: menu.as_of > 0
        )
        self._restaurants: Memory[RestaurantsView] = Memory(
            partial(_restaurants, reader), watch, unwell_seconds, spares, also=views.PROMOTIONS
        )
        self._pages: dict[tuple[str, str], _Page] = {}

    def at_hand(self, restaurant_id: str, query_string: str) -> Entity | None:
        """Return a page of a menu that need not be read; None where it must be, or where there is a problem."""
        key = views.menu(restaurant_id)
        try:
            held = self._menus.at_hand(key)
            return None if held is None else self._menu(key, held, query_string)
        except Problem:
            return None

    async def menu(self, restaurant_id: str, query_string: str) -> Entity:
        """Return a page of a restaurant's menu; raises Problem."""
        key = views.menu(restaurant_id)
        held = await self._menus.get(key)
        if held is None:
            raise Problem("unknown-restaurant")
        return self._menu(key, held, query_string)

    async def name(self, restaurant_id: str) -> str:
        """Return what a restaurant is called; raises Problem."""
        held = await self._menus.get(views.menu(restaurant_id))
        if held is None:
            raise Problem("unknown-restaurant")
        return held.view.restaurant.name

    def _menu(self, key: str, held: Held[MenuView], query_string: str) -> Entity:
        view, now, as_of = held.view, _now(), held.view.as_of
        if self._menus.is_current(key, held):
            as_of = max(as_of, min(map(self._watch.as_of, view.partitions), default=0))
        degraded = now - as_of > FRESH_MS or not self._watch.well

        def make() -> _Page:
            listing = menu_page.listing(view, _menu_query(query_string), now, degraded)
            return _Page(held, degraded, menu_page.good_until(view, now), listing)

        return self._page((key, query_string), held, degraded, now, make).at(as_of, now)

    async def restaurants(self, query_string: str) -> Entity:
        """Return a page of restaurants; raises Problem."""
        held = await self._restaurants.get(views.RESTAURANTS)
        if held is None:
            raise Unavailable()
        view, now = held.view, _now()

        def make() -> _Page:
            listing = restaurants_page.page(view, _restaurants_query(query_string), now)
            return _Page(held, False, restaurants_page.good_until(view, now), listing)

        page = self._page((views.RESTAURANTS, query_string), held, False, now, make)
        return Entity(page.head + b"}", page.etag, now // 1000)

    def _page(
        self, key: tuple[str, str], held: object, degraded: bool, now: int, make: Callable[[], _Page]
    ) -> _Page:
        """Return the page that is kept, while it is that of this view and of this time; else a new one."""
        page = self._pages.get(key)
        if page is not None and page.held is held and page.degraded is degraded and now < page.until:
            return page
        page = make()
        self._pages.pop(key, None)
        if len(self._pages) >= MOST_PAGES:
            del self._pages[next(iter(self._pages))]
        self._pages[key] = page
        return page


async def _restaurants(reader: Views, keys: Sequence[str]) -> tuple[Reading, Mapping[str, RestaurantsView]]:
    reading, view = await reader.restaurants()
    return reading, dict.fromkeys(keys, view)


@lru_cache(maxsize=1024)
def _age(as_of: int, degraded: bool) -> bytes:
    """Return the end of a page."""
    return b',"as_of":%b,"degraded":%b}' % (_encode(instants.to_text(as_of)), _encode(degraded))


@lru_cache(maxsize=MOST_PAGES)
def _menu_query(query_string: str) -> MenuQuery:
    return pages.query(MenuQuery, _parameters(query_string))


@lru_cache(maxsize=1024)
def _restaurants_query(query_string: str) -> RestaurantsQuery:
    return pages.query(RestaurantsQuery, _parameters(query_string))


def _parameters(query_string: str) -> MultiDict[str]:
    return MultiDict(parse_qsl(query_string, keep_blank_values=True))


def _now() -> int:
    return time.time_ns() // 1_000_000
