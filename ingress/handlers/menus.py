"""GET of menus and restaurants."""

from aiohttp import web

from ingress.handlers.app_keys import MENUS
from ingress.http import query_params, request_headers


async def menu(request: web.Request) -> web.Response:
    """GET /v1/restaurants/{restaurant_id}/menu."""
    page = await request.app[MENUS].menu(
        request.match_info["restaurant_id"], request.rel_url.raw_query_string
    )
    return page.respond(request_headers.joined(request.headers, "If-None-Match"))


async def catalogo(request: web.Request) -> web.Response:
    """GET /catalogo: the menu of the restaurant in the query."""
    restaurant_id, query_string = query_params.split_restaurant_id(request.rel_url.raw_query_string)
    page = await request.app[MENUS].menu(restaurant_id, query_string)
    return page.respond(request_headers.joined(request.headers, "If-None-Match"))


async def restaurants(request: web.Request) -> web.Response:
    """GET /v1/restaurants."""
    page = await request.app[MENUS].restaurants(request.rel_url.raw_query_string)
    return page.respond(request_headers.joined(request.headers, "If-None-Match"))
