"""GET of menus, restaurants and orders: what the views hold."""

from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from ingress import access, answers, order_page, recipient
from ingress.keys import KEYRING, MENUS
from ingress.order_page import UndecidedOrder
from ingress.problems import Fault, invalid


async def menu(request: web.Request) -> web.Response:
    """GET /v1/restaurants/{restaurant_id}/menu."""
    page = await request.app[MENUS].menu(
        request.match_info["restaurant_id"], request.rel_url.raw_query_string
    )
    return page.respond(request.headers.get("If-None-Match"))


async def catalogo(request: web.Request) -> web.Response:
    """GET /catalogo: the menu of the restaurant that the query names."""
    page = await request.app[MENUS].menu(*named_menu(request.rel_url.raw_query_string))
    return page.respond(request.headers.get("If-None-Match"))


def named_menu(query: str) -> tuple[str, str]:
    """Return the restaurant that a query names, and the rest of the query; raises Problem."""
    parameters = parse_qsl(query, keep_blank_values=True)
    restaurants = [value for name, value in parameters if name == "restaurant_id"]
    if len(restaurants) != 1:
        code = "repeated" if restaurants else "required"
        raise invalid(Fault("restaurant_id", code, where="parameter"))
    return restaurants[0], urlencode([(name, value) for name, value in parameters if name != "restaurant_id"])


async def restaurants(request: web.Request) -> web.Response:
    """GET /v1/restaurants."""
    page = await request.app[MENUS].restaurants(request.rel_url.raw_query_string)
    return page.respond(request.headers.get("If-None-Match"))


async def order(request: web.Request) -> web.Response:
    """GET /v1/orders/{order_id}: with the order's token, or its restaurant's."""
    order_id = request.match_info["order_id"]
    view, _ = await access.order(request)
    if view is None:  # asked for, and not decided or not shown yet
        body = UndecidedOrder(order_id, "pending", answers.events_url(order_id))
        return web.Response(body=answers.encode(body), headers=answers.PRIVATE)
    return order_page.respond(request, view.order, view.history, recipient.of(view, request.app[KEYRING]))
