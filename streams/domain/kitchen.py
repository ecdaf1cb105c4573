"""When an order can be expected, from the queue before it and the kitchen's capacity."""

from schemas.instants import to_text
from schemas.orders import Eta

#: What an order takes from pan to door where nothing has been measured, in milliseconds.
TYPICAL_MS = 30 * 60_000
SLOW_MS = 50 * 60_000


def eta(now: int, open_orders: int, capacity: int) -> Eta:
    """Return the expected delivery of an order that comes in at `now` behind `open_orders`.

    The kitchen works in rounds of `capacity` orders; every full round ahead adds one.
    """
    rounds = open_orders // max(capacity, 1)
    return Eta(
        p50=to_text(now + TYPICAL_MS + rounds * TYPICAL_MS // 2),
        p90=to_text(now + SLOW_MS + rounds * SLOW_MS // 2),
    )
