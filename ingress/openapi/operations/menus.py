"""What is on the menu, for everybody."""

from ingress import menu_page, restaurants_page
from ingress.openapi import examples
from ingress.openapi.operation import Answer, Operation
from ingress.openapi.operations import paths
from ingress.texts import Text


class CatalogoQuery(menu_page.MenuQuery, frozen=True, kw_only=True):
    """What of which menu is asked for."""

    restaurant_id: str


_PAGE_HEADERS = ("ETag", "Cache-Control")
_PAGE_PROBLEMS = ("invalid-request", "unavailable")
_NOT_MODIFIED = Answer(
    304,
    Text("Nada mudou desde o ETag enviado.", "Nothing has changed since the ETag that was sent."),
    headers=_PAGE_HEADERS,
)
_MENU_ANSWERS = (
    Answer(
        200,
        Text("Uma página do cardápio.", "A page of the menu."),
        menu_page.MenuPage,
        examples.MENU,
        _PAGE_HEADERS,
    ),
    _NOT_MODIFIED,
)
_MENU_SUMMARY = Text("Ver o cardápio", "Look at the menu")
_MENU_DESCRIPTION = Text(
    "Preços de agora, com as promoções abertas, e o que resta. Quando a visão tem mais de 3 s, `degraded` é "
    "`true`, `count` é `null`, e o que não está certamente esgotado é `limited`.",
    "Prices as of now, with open promotions, and what is left. When the view is more than 3 s behind, `degraded` "
    "is `true`, `count` is `null`, and what is not surely sold out is `limited`.",
)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/v1/restaurants",
        id="listRestaurants",
        tag="menus",
        summary=Text("Listar restaurantes", "List restaurants"),
        description=Text(
            "Em páginas; `promo=true` mostra só os que têm promoção aberta.",
            "In pages; `promo=true` shows only those with an open promotion.",
        ),
        query=restaurants_page.RestaurantsQuery,
        query_example={"promo": "true"},
        headers=("If-None-Match",),
        answers=(
            Answer(
                200,
                Text("Uma página de restaurantes.", "A page of restaurants."),
                restaurants_page.RestaurantsPage,
                examples.RESTAURANTS,
                _PAGE_HEADERS,
            ),
            _NOT_MODIFIED,
        ),
        problems=_PAGE_PROBLEMS,
    ),
    Operation(
        method="GET",
        path=paths.RESTAURANT + "/menu",
        id="getMenu",
        tag="menus",
        summary=_MENU_SUMMARY,
        description=_MENU_DESCRIPTION,
        query=menu_page.MenuQuery,
        query_example={"available": "true", "sort": "price"},
        headers=("If-None-Match",),
        answers=_MENU_ANSWERS,
        problems=("unknown-restaurant", *_PAGE_PROBLEMS),
    ),
    Operation(
        method="GET",
        path="/catalogo",
        id="getCatalogo",
        tag="menus",
        summary=_MENU_SUMMARY,
        description=_MENU_DESCRIPTION,
        query=CatalogoQuery,
        query_example={"restaurant_id": "r1"},
        headers=("If-None-Match",),
        answers=_MENU_ANSWERS,
        problems=("unknown-restaurant", *_PAGE_PROBLEMS),
    ),
)
