"""Outside of streams a bucket's id is its restaurant's id, with the bucket's number in a field of its own."""

from msgspec.structs import replace

from schemas import buckets
from schemas.facts import CatalogChanged, Fact
from schemas.replies import Reply


def fact(internal: Fact) -> Fact:
    """Return the fact under the id of its restaurant."""
    number = buckets.number(internal.restaurant_id)
    if number == 0 or isinstance(internal, CatalogChanged):
        return internal
    return replace(internal, restaurant_id=buckets.restaurant(internal.restaurant_id), bucket=number)


def reply(internal: Reply) -> Reply:
    """Return the reply with its order under the id of its restaurant."""
    order = internal.answer.order
    number = buckets.number(order.restaurant_id) if order else 0
    if order is None or number == 0:
        return internal
    public = replace(order, restaurant_id=buckets.restaurant(order.restaurant_id), bucket=number)
    return replace(internal, answer=replace(internal.answer, order=public))
