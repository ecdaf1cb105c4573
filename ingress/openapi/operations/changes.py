"""How an order that was asked to change is answered."""

from ingress import order_page
from ingress.openapi import examples
from ingress.openapi.operation import Answer
from ingress.texts import Text

CHANGED = (
    Answer(
        200,
        Text("O pedido, como ficou.", "The order, as it is now."),
        order_page.OrderPage,
        examples.CHANGED_ORDER,
        ("Content-Language", "Idempotency-Replayed"),
    ),
    Answer(
        202,
        Text("Aceito; o pedido como se conhece.", "Accepted; the order as it is known."),
        order_page.OrderPage,
        examples.CHANGED_ORDER,
        ("Content-Language", "Location"),
    ),
)
