"""What a customer's browser is told of an order. Pure."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from egress.notifying.outbox import Letter
from schemas import codec, instants
from schemas.facts import (
    Fact,
    OrderCancelled,
    OrderConfirmed,
    OrderFailed,
    OrderStatusChanged,
    PaymentRefunded,
)
from schemas.notifications import Language, PushDelivery, PushSubscription
from schemas.topics import PUSH_DELIVERIES

#: What is said, by the status that the order has come to, or by what else has happened to it.
TEXTS: dict[Language, dict[str, str]] = {
    "pt-BR": {
        "received": "O restaurante recebeu seu pedido.",
        "preparing": "Seu pedido está em preparo.",
        "out_for_delivery": "Seu pedido saiu para entrega.",
        "delivered": "Seu pedido foi entregue. Bom apetite!",
        "cancelled": "Seu pedido foi cancelado.",
        "refunded": "O valor do seu pedido foi devolvido.",
        "title": "Promo Relâmpago",
    },
    "en": {
        "received": "The restaurant has your order.",
        "preparing": "Your order is being prepared.",
        "out_for_delivery": "Your order is out for delivery.",
        "delivered": "Your order was delivered. Enjoy!",
        "cancelled": "Your order was cancelled.",
        "refunded": "Your order was refunded.",
        "title": "Promo Relâmpago",
    },
}


class Payload(Struct, frozen=True):
    """What the page's service worker shows; of two with the same order, the greater version is right."""

    order_id: str
    restaurant_id: str
    status: str
    version: int
    at: str
    title: str
    body: str
    lang: Language


def tell(
    fact: Fact,
    message_id: str,
    traceparent: bytes,
    browsers: Callable[[str, int], Sequence[PushSubscription]],
) -> Iterable[Letter]:
    """Return the deliveries of a fact, one for each browser that wanted to be told of its order when it came about."""
    if not isinstance(
        fact, OrderConfirmed | OrderFailed | OrderStatusChanged | OrderCancelled | PaymentRefunded
    ):
        return
    said = "refunded" if isinstance(fact, PaymentRefunded) else fact.status
    at = instants.to_milliseconds(datetime.fromisoformat(fact.occurred_at))
    for browser in browsers(fact.order_id, at):
        texts = TEXTS[browser.language]
        payload = Payload(
            order_id=fact.order_id,
            restaurant_id=fact.restaurant_id,
            status=fact.status,
            version=fact.version,
            at=fact.occurred_at,
            title=texts["title"],
            body=texts[said],
            lang=browser.language,
        )
        endpoint = browser.endpoint or ""
        delivery = PushDelivery(
            fact.restaurant_id, fact.order_id, message_id, endpoint, codec.encode(payload).decode()
        )
        yield Letter(PUSH_DELIVERIES.name, f"{message_id}/{short(endpoint)}", delivery, traceparent)


def short(endpoint: str) -> str:
    """Return a name for an endpoint that does not give it away."""
    return hashlib.blake2b(endpoint.encode(), digest_size=6).hexdigest()
