"""The answer that a fact gives to who asked: kept under the key, so derived from the fact alone."""

from typing import cast

from schemas.facts import OrderConfirmed, OrderFailed
from schemas.orders import Order
from schemas.replies import Answer, Outcome


def order_of(fact: OrderConfirmed | OrderFailed) -> Order:
    """Return the order's state as this fact leaves it."""
    return Order(
        order_id=fact.order_id,
        restaurant_id=fact.restaurant_id,
        status=fact.status,
        items=fact.items,
        total=fact.total,
        payment_method=fact.payment_method,
        idempotency_key_hash=fact.idempotency_key_hash,
        created_at=fact.created_at,
        updated_at=fact.occurred_at,
        version=fact.version,
        eta=fact.eta if isinstance(fact, OrderConfirmed) else None,
        reason=fact.reason if isinstance(fact, OrderFailed) else None,
        shortages=fact.shortages if isinstance(fact, OrderFailed) else [],
    )


def confirmed(fact: OrderConfirmed) -> Answer:
    """Answer an order that the restaurant has."""
    return Answer("confirmed", order_of(fact))


def failed(fact: OrderFailed) -> Answer:
    """Answer an order that was refused."""
    return Answer(cast(Outcome, fact.reason), order_of(fact), skus=fact.skus)
