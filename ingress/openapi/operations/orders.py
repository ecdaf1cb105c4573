"""Operations on orders, for customers."""

from msgspec.structs import replace

from ingress.handlers import change_order, push_subscriptions, request_bodies, responses
from ingress.handlers.order_representation import OrderPage, PendingOrderPage
from ingress.live import order_stream
from ingress.openapi.operation import DocumentedResponse, Operation
from ingress.openapi.texts import EXAMPLES

_CHANGED = {name: value for name, value in EXAMPLES["order"].items() if name != "history"}

#: The responses to a change of an order.
ORDER_CHANGED = (
    DocumentedResponse(
        200, "order_changed", OrderPage, _CHANGED, ("Content-Language", "Idempotency-Replayed")
    ),
    DocumentedResponse(
        202, "order_not_changed", (OrderPage, PendingOrderPage), _CHANGED, ("Content-Language", "Location")
    ),
)

PLACE_ORDER = Operation(
    id="placeOrder",
    tag="orders",
    headers=("Idempotency-Key", "Prefer"),
    body=request_bodies.OrderBody,
    example=EXAMPLES["order_body"],
    responses=(
        DocumentedResponse(
            201,
            "confirmed",
            responses.ConfirmedOrder,
            EXAMPLES["confirmed_order"],
            ("Location", "Idempotency-Replayed"),
        ),
        DocumentedResponse(202, "pending", responses.PendingOrder, EXAMPLES["pending_order"], ("Location",)),
    ),
    problems=(
        "idempotency-key-missing",
        "customer-required",
        "payment-declined",
        "unknown-restaurant",
        "unknown-item",
        "out-of-stock",
        "customer-forgotten",
        "price-changed",
        "promotion-closed",
        "limit-reached",
        "cash-limit-reached",
        "idempotency-key-reused",
        "too-many-requests",
        "overloaded",
        "unavailable",
    ),
)

PLACE_PEDIDO = replace(PLACE_ORDER, id="placePedido", same_as=PLACE_ORDER.id)

GET_ORDER = Operation(
    id="getOrder",
    tag="orders",
    responses=(
        DocumentedResponse(
            200,
            "order",
            (OrderPage, PendingOrderPage),
            EXAMPLES["order"],
            ("Content-Language",),
        ),
    ),
    problems=("unknown-order", "unavailable"),
)

FOLLOW_ORDER = Operation(
    id="followOrder",
    tag="orders",
    headers=("Last-Event-ID",),
    responses=(
        DocumentedResponse(
            200,
            "order_events",
            order_stream.StatusEvent,
            EXAMPLES["order_events"],
            media_type="text/event-stream",
        ),
    ),
    problems=("unknown-order", "too-many-requests", "unavailable"),
)

CANCEL_ORDER = Operation(
    id="cancelOrder",
    tag="orders",
    headers=("Idempotency-Key", "Prefer"),
    body=change_order.CancelBody,
    body_required=False,
    example={},
    responses=ORDER_CHANGED,
    problems=(
        "idempotency-key-missing",
        "unknown-order",
        "too-late",
        "idempotency-key-reused",
        "too-many-requests",
        "overloaded",
        "unavailable",
    ),
)

SUBSCRIBE = Operation(
    id="subscribeToOrder",
    tag="orders",
    body=request_bodies.SubscriptionBody,
    example=EXAMPLES["subscription_body"],
    responses=(
        DocumentedResponse(
            201, "subscribed", push_subscriptions.SubscriptionResponse, EXAMPLES["subscription"]
        ),
    ),
    problems=("unknown-order", "not-found", "too-many-requests", "unavailable"),
)

UNSUBSCRIBE = Operation(
    id="unsubscribeFromOrder",
    tag="orders",
    body=request_bodies.UnsubscriptionBody,
    body_required=False,
    example={},
    responses=(DocumentedResponse(204, "unsubscribed"),),
    problems=("unknown-order", "too-many-requests", "unavailable"),
)

GET_PUSH_KEY = Operation(
    id="getPushKey",
    tag="orders",
    responses=(DocumentedResponse(200, "push_key", push_subscriptions.PushKey, EXAMPLES["push_key"]),),
    problems=("not-found",),
)
