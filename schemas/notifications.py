"""Notifications: who wants to be told, and what is to be told whom.

A delivery is written once for each fact and recipient, and carried out at least once, always under
the same `message_id`. It does not say where to: that is looked up when it is sent, so that a
corrected address also serves what waits.
"""

from typing import Literal

from msgspec import Struct

Language = Literal["pt-BR", "en"]


class PushSubscription(Struct, frozen=True):
    """A browser wants, or no longer wants, to be told of an order (W3C Push API, RFC 8291).

    `endpoint` None with `unsubscribe`: none of them wants to. `p256dh` and `auth` are base64url.
    """

    restaurant_id: str
    order_id: str
    action: Literal["subscribe", "unsubscribe"]
    endpoint: str | None = None
    p256dh: str = ""
    auth: str = ""
    language: Language = "pt-BR"


class WebhookDelivery(Struct, frozen=True):
    """A restaurant's own system is to be told of a fact; `body` is what is signed and sent, byte for byte."""

    restaurant_id: str
    order_id: str
    message_id: str
    event: str
    body: str


class PushDelivery(Struct, frozen=True):
    """A subscribed browser is to be told of an order; `body` is what it decrypts."""

    restaurant_id: str
    order_id: str
    message_id: str
    endpoint: str
    body: str
