"""The table of routes, and the paths that other modules spell out."""

import pytest

from ingress.fast_path import early_rejection, request_parser
from ingress.handlers import place_order, responses
from ingress.routes import ROUTES
from ingress.views.ports import RestaurantsView
from ingress.views.restaurants_page import RestaurantsQuery, build_page
from schemas.catalogue import Restaurant
from schemas.settings import Settings
from tests.support.ingress.apps import application


def route(path: str, method: str = "GET"):
    """Return the one route of this method and path."""
    (found,) = [route for route in ROUTES if (route.method, route.path) == (method, path)]
    return found


def test_router_has_exactly_the_table() -> None:
    """Every route is in the table; HEAD is answered where GET is not a stream."""
    app = application(Settings(token_secret="secret"))
    served = {(r.method, r.resource.canonical) for r in app.router.routes() if r.resource}
    assert {one for one in served if one[0] != "HEAD"} == {(r.method, r.path) for r in ROUTES}
    assert len(ROUTES) == len({(r.method, r.path) for r in ROUTES})
    streams = {path for method, path in served if method == "GET"} - {p for m, p in served if m == "HEAD"}
    assert streams == {"/v1/orders/{order_id}/events", "/v1/restaurants/{restaurant_id}/feed"}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (responses.order_url("o1"), "/v1/orders/{order_id}"),
        (responses.events_url("o1"), "/v1/orders/{order_id}/events"),
    ],
)
def test_url_builders_follow_the_table(url: str, path: str) -> None:
    """A URL in a response leads to a route."""
    assert url == route(path).path.format(order_id="o1")


def test_menu_urls_follow_the_table() -> None:
    """The list of restaurants links to their menus."""
    view = RestaurantsView([Restaurant("r1", "Bar", 10, 1800, 1)], {})
    (entry,) = build_page(view, RestaurantsQuery(), 0).items
    assert entry.menu_url == route(request_parser.MENU_PATH).path.format(restaurant_id="r1")


def test_fast_path_knows_the_routes_of_menus_and_orders() -> None:
    """Its paths are those of the table, and complete."""
    menus = {route(request_parser.MENU_PATH).operation.id, route(request_parser.CATALOGO_PATH).operation.id}
    assert menus == {"getMenu", "getCatalogo"}
    orders = {r.path for r in ROUTES if r.handler is place_order.place}
    assert orders == set(early_rejection.ORDER_PATHS) and all(route(path, "POST") for path in orders)
