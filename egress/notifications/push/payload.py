"""Push notifications of an order, built from its facts. Pure."""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from egress.kafka.producer import encode
from egress.kafka.records import OutboundRecord
from schemas import codec, timestamps
from schemas.facts import (
    Fact,
    OrderCancelled,
    OrderConfirmed,
    OrderFailed,
    OrderStatusChanged,
    PaymentRefunded,
)
from schemas.languages import Language, Text, read_texts
from schemas.notifications import PushDelivery, PushSubscription
from schemas.orders import is_held_by
from schemas.topics import PUSH_DELIVERIES

#: Texts by status of the order, and of a refund.
TEXTS = read_texts(__file__, "texts.json", dict[str, Text])


class PushPayload(Struct, frozen=True):
    """What the service worker of the page shows. Messages may overtake each other: the greatest version is current."""

    order_id: str
    restaurant_id: str
    status: str
    version: int
    at: str
    title: str
    body: str
    lang: Language


def build(
    fact: Fact,
    message_id: str,
    traceparent: bytes,
    subscriptions: Callable[[str, int], Sequence[PushSubscription]],
) -> Iterable[OutboundRecord]:
    """Return one delivery per browser that had subscribed to the order when the fact occurred.

    A browser that subscribed later has already seen the fact on its page.

    Args:
        subscriptions: returns the subscriptions of an order as of an instant, milliseconds since 1970.
    """
    if not isinstance(
        fact, OrderConfirmed | OrderFailed | OrderStatusChanged | OrderCancelled | PaymentRefunded
    ):
        return
    text = "refunded" if isinstance(fact, PaymentRefunded) else fact.status
    at = timestamps.from_text(fact.occurred_at)
    for subscription in subscriptions(fact.order_id, at):
        if not is_held_by(fact, subscription.holder):
            continue  # another request with the order's key made it
        payload = PushPayload(
            order_id=fact.order_id,
            restaurant_id=fact.restaurant_id,
            status=fact.status,
            version=fact.version,
            at=fact.occurred_at,
            title=TEXTS["title"].of(subscription.language),
            body=TEXTS[text].of(subscription.language),
            lang=subscription.language,
        )
        browser = subscription.browser() or ""
        delivery = PushDelivery(
            fact.restaurant_id, fact.order_id, message_id, codec.encode(payload).decode(), browser
        )
        event_id = f"{message_id}/{browser}"
        yield encode(PUSH_DELIVERIES.name, delivery, event_id, traceparent)
