"""The hot path: menus, nineteen of twenty requests of a promotion, past router, middleware and header assembly.

It takes what it can answer from a page as it was last sent; all else goes the common way, which
gives the same answers. README, Reads, has what it is worth.
"""

import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from urllib.parse import unquote

from aiohttp import web

from ingress import front, reading
from ingress.keys import MENUS
from ingress.problems import Problem

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

MENU = "/v1/restaurants/{restaurant_id}/menu"
CATALOGO = "/catalogo"


def shorten(app: web.Application, server: web.Server) -> None:
    """Let a server of the application answer menus by the hot path."""
    menus, common = app[MENUS], server.request_handler

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        asked = _asked(request.raw_path) if request.method == "GET" and request.keep_alive else None
        if asked is None:
            return await common(request)
        started = time.perf_counter()
        route, restaurant_id, query = asked
        try:
            page = await menus.menu(restaurant_id, query)
        except Problem:
            return await common(request)
        answer = page.wire(request.headers.get("If-None-Match"))
        front.count(route, "GET", answer.status, started)
        return answer

    server.request_handler = handle


@lru_cache(maxsize=4096)
def _asked(target: str) -> tuple[str, str, str] | None:
    """Return route, restaurant and query of a request for a menu; None for any other."""
    path, _, query = target.partition("?")
    if path == CATALOGO:
        try:
            return (CATALOGO, *reading.named_menu(query))
        except Problem:
            return None
    match path.split("/"):
        case ["", "v1", "restaurants", restaurant, "menu"]:
            return MENU, unquote(restaurant), query
    return None
