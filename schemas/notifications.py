"""Notifications: subscriptions to pushes, and deliveries of webhooks and pushes.

A delivery is written once for each fact and recipient. It is sent at least once, always with the same `message_id`.
A webhook's URL is looked up when it is sent, so a corrected URL also serves deliveries that wait.
"""

from typing import Literal

from msgspec import Struct

from schemas.languages import Language


class PushSubscription(Struct, frozen=True):
    """A browser subscribes to pushes about an order, or unsubscribes (W3C Push API, RFC 8291).

    `unsubscribe` without an `endpoint` removes every subscription to the order. `p256dh` and `auth` are base64url.
    """

    restaurant_id: str
    order_id: str
    action: Literal["subscribe", "unsubscribe"]
    endpoint: str | None = None
    p256dh: str = ""
    auth: str = ""
    language: Language = "pt-BR"
    holder: str | None = (
        None  # of the token that subscribed; None, from an earlier release: it is not compared
    )


class WebhookDelivery(Struct, frozen=True):
    """A webhook about a fact for a restaurant's own system; `body` is signed and sent byte for byte."""

    restaurant_id: str
    order_id: str
    message_id: str
    event: str
    body: str


class PushDelivery(Struct, frozen=True):
    """A push about an order for a subscribed browser, which decrypts `body`."""

    restaurant_id: str
    order_id: str
    message_id: str
    endpoint: str
    body: str
