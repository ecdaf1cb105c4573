"""Menu and restaurant pages, made once for all who ask within a moment."""

import time
from urllib.parse import parse_qsl

import msgspec
from multidict import MultiDict

from ingress import entity, menu_page, pages, restaurants_page
from ingress.brief_cache import BriefCache
from ingress.entity import Entity
from ingress.menu_page import MenuQuery
from ingress.problems import Problem
from ingress.restaurants_page import RestaurantsQuery
from ingress.views import MenuView, RestaurantsView, Views

#: How long a view that was read, and a page made of it, are good for, in seconds. Small beside
#: the 3 s that a view may lag; enough that a hot menu costs Redis and this process next to nothing.
VIEW_SECONDS = 0.15
PAGE_SECONDS = 0.1

_encode = msgspec.json.Encoder().encode


class Menus:
    """Pages by restaurant and query string."""

    def __init__(self, views: Views) -> None:
        """Take the views that the pages are made of."""
        self._views: BriefCache[str, MenuView | None] = BriefCache(views.menu, VIEW_SECONDS)
        self._pages: BriefCache[tuple[str, str], Entity] = BriefCache(self._menu_page, PAGE_SECONDS)
        self._restaurants: BriefCache[None, RestaurantsView] = BriefCache(
            lambda _: views.restaurants(), VIEW_SECONDS
        )
        self._restaurant_pages: BriefCache[str, Entity] = BriefCache(self._restaurants_page, PAGE_SECONDS)

    async def menu(self, restaurant_id: str, query_string: str) -> Entity:
        """Return a page of a restaurant's menu; raises Problem."""
        return await self._pages.get((restaurant_id, query_string))

    async def restaurants(self, query_string: str) -> Entity:
        """Return a page of restaurants; raises Problem."""
        return await self._restaurant_pages.get(query_string)

    async def _menu_page(self, key: tuple[str, str]) -> Entity:
        restaurant_id, query_string = key
        query = pages.query(MenuQuery, _parameters(query_string))
        view = await self._views.get(restaurant_id)
        if view is None:
            raise Problem("unknown-restaurant")
        return entity.of(_encode(menu_page.page(view, query, _now())))

    async def _restaurants_page(self, query_string: str) -> Entity:
        query = pages.query(RestaurantsQuery, _parameters(query_string))
        view = await self._restaurants.get(None)
        return entity.of(_encode(restaurants_page.page(view, query, _now())))


def _parameters(query_string: str) -> MultiDict[str]:
    return MultiDict(parse_qsl(query_string, keep_blank_values=True))


def _now() -> int:
    return time.time_ns() // 1_000_000
