"""Webhook messages of an order, built from its facts. Pure.

A message has the state and version of the order. Messages may overtake each other, so a receiver keeps the
one with the greatest version. It has no address, name or phone: `GET /v1/orders/{order_id}` has them.
"""

from collections.abc import Callable, Iterable

from msgspec import Struct

from egress.kafka.producer import encode
from egress.kafka.records import OutboundRecord
from schemas import codec
from schemas.facts import Fact, OrderCancelled, OrderConfirmed, OrderStatusChanged, PaymentRefunded
from schemas.money import Money
from schemas.notifications import WebhookDelivery
from schemas.orders import Eta, OrderLine, Refund
from schemas.topics import WEBHOOK_DELIVERIES


class OrderData(Struct, frozen=True):
    """The order after the fact."""

    order_id: str
    restaurant_id: str
    status: str
    version: int
    items: list[OrderLine]
    total: Money
    payment_method: str
    eta: Eta | None
    reason: str | None
    refund: Refund | None
    created_at: str
    updated_at: str


class WebhookPayload(Struct, frozen=True):
    """The body of a message, as Standard Webhooks specifies it."""

    type: str
    timestamp: str
    data: OrderData


def build(
    fact: Fact, message_id: str, traceparent: bytes, webhook: Callable[[str], str | None]
) -> Iterable[OutboundRecord]:
    """Return one delivery if the restaurant has a webhook and the order of the fact was confirmed.

    Args:
        webhook: returns the webhook URL of a restaurant, or None.
    """
    if not isinstance(fact, OrderConfirmed | OrderStatusChanged | OrderCancelled | PaymentRefunded):
        return
    if webhook(fact.restaurant_id) is None:
        return
    event = codec.EVENT_TYPES[type(fact)]
    data = OrderData(**{name: getattr(fact, name) for name in OrderData.__struct_fields__})
    body = codec.encode(WebhookPayload(event, fact.occurred_at, data)).decode()
    delivery = WebhookDelivery(fact.restaurant_id, fact.order_id, message_id, event, body)
    yield encode(WEBHOOK_DELIVERIES.name, delivery, message_id, traceparent)
