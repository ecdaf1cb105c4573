"""The fields of a fact that carries an order: the order as it was, and what changed."""

from typing import Any

from schemas.instants import to_text
from schemas.orders import Order


def changed(order: Order, now: int, **changes: Any) -> dict[str, Any]:
    """Return the order's fields with these changes, its next version, and the fact's own time."""
    fields = {name: getattr(order, name) for name in Order.__struct_fields__}
    instant = to_text(now)
    return fields | {"version": order.version + 1, "updated_at": instant, "occurred_at": instant} | changes
