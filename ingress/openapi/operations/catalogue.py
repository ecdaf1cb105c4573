"""Operations on the catalogue, for administrators and restaurants."""

from ingress.handlers import catalogue, catalogue_deletion, request_bodies, webhook_secrets
from ingress.openapi.operation import DocumentedResponse, Operation
from ingress.openapi.texts import EXAMPLES

_PUT_PROBLEMS = ("too-many-requests", "overloaded", "unavailable")
_DELETE_RESPONSES = (
    DocumentedResponse(204, "deleted"),
    DocumentedResponse(202, "accepted", catalogue_deletion.DeletionResponse, {"status": "pending"}),
)
_DELETE_PROBLEMS = ("invalid-request", "unknown-restaurant", "has-buckets", *_PUT_PROBLEMS)


def _put_responses(
    body: type[catalogue.CatalogueResponse], example: dict[str, object]
) -> tuple[DocumentedResponse, DocumentedResponse, DocumentedResponse]:
    pending = {name: value for name, value in example.items() if name != "version"} | {"status": "pending"}
    return (
        DocumentedResponse(200, "replaced", body, example),
        DocumentedResponse(201, "created", body, example),
        DocumentedResponse(202, "accepted", body, pending),
    )


PUT_RESTAURANT = Operation(
    id="putRestaurant",
    tag="offers",
    body=request_bodies.RestaurantBody,
    example=EXAMPLES["restaurant_body"],
    responses=_put_responses(catalogue.RestaurantResponse, EXAMPLES["restaurant"]),
    problems=_PUT_PROBLEMS,
)

ROTATE_WEBHOOK_SECRET = Operation(
    id="rotateWebhookSecret",
    tag="offers",
    body=request_bodies.WebhookSecretBody,
    body_required=False,
    example=EXAMPLES["webhook_secret_body"],
    responses=(
        DocumentedResponse(201, "created", webhook_secrets.WebhookSecretResponse, EXAMPLES["webhook_secret"]),
        DocumentedResponse(
            202,
            "accepted",
            webhook_secrets.WebhookSecretResponse,
            {"restaurant_id": "r1", "status": "pending"},
        ),
    ),
    problems=("unknown-restaurant", "wrong-version", *_PUT_PROBLEMS),
)

PUT_MENU_ITEM = Operation(
    id="putMenuItem",
    tag="offers",
    body=request_bodies.MenuItemBody,
    example=EXAMPLES["menu_item_body"],
    responses=_put_responses(catalogue.MenuItemResponse, EXAMPLES["menu_item"]),
    problems=("unknown-restaurant", "too-many-items", *_PUT_PROBLEMS),
)

PUT_PROMOTION = Operation(
    id="putPromotion",
    tag="offers",
    body=request_bodies.PromotionBody,
    example=EXAMPLES["promotion_body"],
    responses=_put_responses(catalogue.PromotionResponse, EXAMPLES["promotion"]),
    problems=("too-many-promotions", "unknown-restaurant", "unknown-item", *_PUT_PROBLEMS),
)

DELETE_RESTAURANT = Operation(
    id="deleteRestaurant",
    tag="offers",
    responses=_DELETE_RESPONSES,
    problems=("not-empty", "open-orders", *_DELETE_PROBLEMS),
)

DELETE_MENU_ITEM = Operation(
    id="deleteMenuItem",
    tag="offers",
    responses=_DELETE_RESPONSES,
    problems=("unknown-item", *_DELETE_PROBLEMS),
)

DELETE_PROMOTION = Operation(
    id="deletePromotion",
    tag="offers",
    responses=_DELETE_RESPONSES,
    problems=("unknown-promotion", *_DELETE_PROBLEMS),
)
