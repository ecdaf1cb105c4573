"""What a restaurant's own system is told of a fact. Pure.

The order's state and its version, so that whoever keeps the greatest version is right, in whatever
order messages come. No address, name or phone: who needs them asks for the order.
"""

from collections.abc import Callable, Iterable

from msgspec import Struct

from egress.notifying.outbox import Letter
from schemas import codec
from schemas.facts import Fact, OrderCancelled, OrderConfirmed, OrderStatusChanged, PaymentRefunded
from schemas.money import Money
from schemas.notifications import WebhookDelivery
from schemas.orders import Eta, OrderLine, Refund
from schemas.topics import WEBHOOK_DELIVERIES


class OrderData(Struct, frozen=True):
    """The order as it is after the fact."""

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


class Payload(Struct, frozen=True):
    """The body of a message, as Standard Webhooks wants it."""

    type: str
    timestamp: str
    data: OrderData


def tell(
    fact: Fact, message_id: str, traceparent: bytes, webhook: Callable[[str], str | None]
) -> Iterable[Letter]:
    """Return the delivery of a fact, where it concerns a restaurant that has a webhook."""
    if not isinstance(fact, OrderConfirmed | OrderStatusChanged | OrderCancelled | PaymentRefunded):
        return
    if webhook(fact.restaurant_id) is None:
        return
    event = codec.EVENT_TYPES[type(fact)]
    data = OrderData(**{name: getattr(fact, name) for name in OrderData.__struct_fields__})
    body = codec.encode(Payload(event, fact.occurred_at, data)).decode()
    delivery = WebhookDelivery(fact.restaurant_id, fact.order_id, message_id, event, body)
    yield Letter(WEBHOOK_DELIVERIES.name, message_id, delivery, traceparent)
