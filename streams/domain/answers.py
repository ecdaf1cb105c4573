"""The answer that a fact gives to who asked: kept under the key, so derived from the fact alone."""

from typing import cast

from schemas.facts import OrderConfirmed, OrderFailed
from schemas.orders import order_of
from schemas.replies import Answer, Outcome


def confirmed(fact: OrderConfirmed) -> Answer:
    """Answer an order that the restaurant has."""
    return Answer("confirmed", order_of(fact))


def failed(fact: OrderFailed) -> Answer:
    """Answer an order that was refused, or cancelled before it was confirmed."""
    outcome = "payment_declined" if fact.reason in ("customer", "restaurant") else fact.reason
    return Answer(cast(Outcome, outcome), order_of(fact), skus=fact.skus)
