"""Notifications: subscriptions to pushes, and deliveries of webhooks and pushes.

A delivery is written once for each fact and recipient. It is sent at least once, always with the same `message_id`.
A webhook's URL is looked up when it is sent, so a corrected URL also serves deliveries that wait.
"""

import hashlib
from typing import Literal

from msgspec import Struct

from schemas.languages import Language


class PushSubscription(Struct, frozen=True):
    """A browser subscribes to pushes about an order, or unsubscribes (W3C Push API, RFC 8291).

    The endpoint, a secret of the browser, is in no other message and in no other topic: they name it by `subscription_id`, which
    earlier releases did not write. `unsubscribe` without one removes every subscription to the order. `p256dh` and `auth` are
    base64url.
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
    subscription_id: str | None = None

    def browser(self) -> str | None:
        """Return the id of the subscription; None if the message is about all of the order's."""
        if self.subscription_id is None and self.endpoint is not None:
            return subscription_id(self.order_id, self.endpoint)
        return self.subscription_id

    def record_key(self) -> bytes:
        """Return the key of the record: a later record of the same browser and order replaces it."""
        return f"{self.restaurant_id}/{self.order_id}/{self.browser() or 'all'}".encode()


class WebhookDelivery(Struct, frozen=True):
    """A webhook about a fact for a restaurant's own system; `body` is signed and sent byte for byte."""

    restaurant_id: str
    order_id: str
    message_id: str
    event: str
    body: str


class PushDelivery(Struct, frozen=True):
    """A push about an order for a subscribed browser, which decrypts `body`.

    Version 1 had the `endpoint` in place of the subscription's id.
    """

    restaurant_id: str
    order_id: str
    message_id: str
    body: str
    subscription_id: str = ""
    endpoint: str = ""

    def browser(self) -> str:
        """Return the id of the subscription."""
        return self.subscription_id or subscription_id(self.order_id, self.endpoint)


def subscription_id(order_id: str, endpoint: str) -> str:
    """Return the id of a browser's subscription to an order, from which the endpoint cannot be found."""
    return hashlib.blake2b(f"{order_id} {endpoint}".encode(), digest_size=12).hexdigest()
