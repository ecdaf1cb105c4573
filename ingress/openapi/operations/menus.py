"""Operations on menus and restaurants, for everybody."""

from msgspec.structs import replace

from ingress.openapi.operation import DocumentedResponse, Operation
from ingress.openapi.texts import EXAMPLES
from ingress.views import menu_page, restaurants_page


class CatalogoQuery(menu_page.MenuQuery, frozen=True, kw_only=True):
    """The parameters of GET /catalogo."""

    restaurant_id: str


_PAGE_HEADERS = ("ETag", "Cache-Control")
_NOT_MODIFIED = DocumentedResponse(304, "not_modified", headers=_PAGE_HEADERS)

LIST_RESTAURANTS = Operation(
    id="listRestaurants",
    tag="menus",
    query=restaurants_page.RestaurantsQuery,
    query_example={"promo": "true"},
    headers=("If-None-Match",),
    responses=(
        DocumentedResponse(
            200, "restaurants", restaurants_page.RestaurantsPage, EXAMPLES["restaurants"], _PAGE_HEADERS
        ),
        _NOT_MODIFIED,
    ),
    problems=("unavailable",),
)

GET_MENU = Operation(
    id="getMenu",
    tag="menus",
    query=menu_page.MenuQuery,
    query_example={"available": "true", "sort": "price"},
    headers=("If-None-Match",),
    responses=(
        DocumentedResponse(200, "menu", menu_page.MenuPage, EXAMPLES["menu"], _PAGE_HEADERS),
        _NOT_MODIFIED,
    ),
    problems=("unknown-restaurant", "unavailable"),
)

GET_CATALOGO = replace(
    GET_MENU,
    id="getCatalogo",
    same_as=GET_MENU.id,
    query=CatalogoQuery,
    query_example={"restaurant_id": "r1"},
)
