"""What restaurants offer, for administrators and restaurants."""

from ingress import bodies, offered
from ingress.openapi import examples
from ingress.openapi.operation import Answer, Operation
from ingress.openapi.operations import paths
from ingress.texts import Text

_PUT_PROBLEMS = ("overloaded", "unavailable")


def _put_answers(body: type[offered.Offered], example: dict[str, object]) -> tuple[Answer, Answer, Answer]:
    pending = {name: value for name, value in example.items() if name != "version"} | {"status": "pending"}
    return (
        Answer(200, Text("Substituído.", "Replaced."), body, example),
        Answer(201, Text("Criado.", "Created."), body, example),
        Answer(202, Text("Aceito; ainda não decidido.", "Accepted; not decided yet."), body, pending),
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="PUT",
        path=paths.RESTAURANT,
        id="putRestaurant",
        tag="offers",
        summary=Text("Criar ou mudar um restaurante", "Create or change a restaurant"),
        description=Text(
            "Nome, capacidade da cozinha, prazo de preparo, webhook. A resposta traz o token do restaurante.",
            "Name, kitchen capacity, preparation timeout, webhook. The answer has the restaurant's token.",
        ),
        body=bodies.RestaurantBody,
        example=examples.RESTAURANT,
        answers=_put_answers(offered.OfferedRestaurant, examples.OFFERED_RESTAURANT),
        problems=_PUT_PROBLEMS,
        tokens=("admin",),
    ),
    Operation(
        method="PUT",
        path=paths.RESTAURANT + "/menu/{sku}",
        id="putMenuItem",
        tag="offers",
        summary=Text("Criar ou mudar um item", "Create or change a menu item"),
        description=Text(
            "`portions` é o total oferecido, já contando as vendidas; `null`: sem limite.",
            "`portions` is the whole number offered, sold ones included; `null`: unlimited.",
        ),
        body=bodies.MenuItemBody,
        example=examples.ITEM,
        answers=_put_answers(offered.OfferedItem, examples.OFFERED_ITEM),
        problems=("unknown-restaurant", *_PUT_PROBLEMS),
        tokens=("admin", "restaurant"),
    ),
    Operation(
        method="PUT",
        path=paths.RESTAURANT + "/promotions/{promotion_id}",
        id="putPromotion",
        tag="offers",
        summary=Text("Criar ou mudar uma promoção", "Create or change a promotion"),
        description=Text(
            "Aberta de `starts_at` até antes de `ends_at`; de cada item, preço, porções e limite por cliente.",
            "Open from `starts_at` until before `ends_at`; of each item, price, portions and limit per customer.",
        ),
        body=bodies.PromotionBody,
        example=examples.PROMOTION,
        answers=_put_answers(offered.OfferedPromotion, examples.OFFERED_PROMOTION),
        problems=("unknown-restaurant", "unknown-item", *_PUT_PROBLEMS),
        tokens=("admin", "restaurant"),
    ),
)
