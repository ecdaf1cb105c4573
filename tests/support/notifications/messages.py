"""Sample facts, subscriptions and deliveries, and their records."""

import base64
import os
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from egress.kafka.records import OutboundRecord, Partition, Record
from schemas import codec
from schemas.catalogue import Restaurant
from schemas.facts import CatalogChanged, OrderConfirmed
from schemas.money import Money
from schemas.notifications import PushDelivery, PushSubscription, WebhookDelivery, subscription_id
from schemas.orders import OrderLine
from schemas.topics import (
    CATALOG_CHANGED,
    ORDER_CONFIRMED,
    PUSH_DELIVERIES,
    PUSH_SUBSCRIPTIONS,
    WEBHOOK_DELIVERIES,
)

AT = "2026-01-01T12:00:00.000Z"
NOW_MS = 1_767_268_800_000  # AT
TOPICS = {
    CatalogChanged: CATALOG_CHANGED.name,
    OrderConfirmed: ORDER_CONFIRMED.name,
    PushSubscription: PUSH_SUBSCRIPTIONS.name,
    WebhookDelivery: WEBHOOK_DELIVERIES.name,
    PushDelivery: PUSH_DELIVERIES.name,
}


def restaurant_changed(webhook: str | None, restaurant_id: str = "r1", version: int = 1) -> CatalogChanged:
    restaurant = Restaurant(restaurant_id, "Bar", 10, 1800, version, webhook)
    return CatalogChanged(restaurant_id, AT, version, restaurant=restaurant)


def confirmed(order_id: str = "o1", restaurant_id: str = "r1") -> OrderConfirmed:
    return OrderConfirmed(
        order_id=order_id,
        restaurant_id=restaurant_id,
        status="received",
        items=[OrderLine("coxinha", "Coxinha", 2, Money(990))],
        total=Money(1980),
        payment_method="pix",
        idempotency_key_hash="hash",
        created_at=AT,
        updated_at=AT,
        version=2,
        customer_id="c-123",
        request_fingerprint="f",
        occurred_at=AT,
    )


class Browser:
    """A browser with its own keys."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.secret = os.urandom(16)

    @property
    def keys(self) -> dict[str, str]:
        """The keys, as in PushSubscription.toJSON()."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"p256dh": _text(point), "auth": _text(self.secret)}

    def subscription(self, order_id: str = "o1", **more: Any) -> PushSubscription:
        return PushSubscription(
            "r1",
            order_id,
            "subscribe",
            self.endpoint,
            **self.keys,
            subscription_id=subscription_id(order_id, self.endpoint),
            **more,
        )

    def unsubscription(self, order_id: str = "o1") -> PushSubscription:
        browser = subscription_id(order_id, self.endpoint)
        return PushSubscription("r1", order_id, "unsubscribe", subscription_id=browser)


def record(message: Any, offset: int = 0, event_id: str = "3-41-2", at: int = NOW_MS) -> Record:
    headers = codec.headers(type(message), event_id, codec.NO_TRACE)
    partition = Partition(TOPICS[type(message)], 3)
    key = message.record_key() if isinstance(message, PushSubscription) else message.restaurant_id.encode()
    return Record(partition, offset, codec.encode(message), key, headers, at)


def message_of(record: OutboundRecord) -> Any:
    """The message of a record that is to be written."""
    event_type = codec.header(record.headers, "event-type") or b""
    cls = next(cls for cls, name in codec.EVENT_TYPES.items() if name == event_type.decode())
    return codec.decode(cls, record.value or b"")


def event_id(record: OutboundRecord) -> str:
    return (codec.header(record.headers, "event-id") or b"").decode()


def webhook_delivery(order_id: str = "o1", restaurant_id: str = "r1") -> WebhookDelivery:
    return WebhookDelivery(restaurant_id, order_id, f"id-of-{order_id}", "order.confirmed", "{}")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
