"""What others see of a bucket: its restaurant, and which bucket beside it (README, Stock escrow)."""

from msgspec.structs import replace

from schemas import buckets
from schemas.facts import CatalogChanged, Fact
from schemas.replies import Reply


def fact(told: Fact) -> Fact:
    """Return the fact under its restaurant's own id."""
    number = buckets.number(told.restaurant_id)
    if number == 0 or isinstance(told, CatalogChanged):
        return told
    return replace(told, restaurant_id=buckets.restaurant(told.restaurant_id), bucket=number)


def reply(answered: Reply) -> Reply:
    """Return the reply with its order under its restaurant's own id."""
    order = answered.answer.order
    number = buckets.number(order.restaurant_id) if order else 0
    if order is None or number == 0:
        return answered
    named = replace(order, restaurant_id=buckets.restaurant(order.restaurant_id), bucket=number)
    return replace(answered, answer=replace(answered.answer, order=named))
