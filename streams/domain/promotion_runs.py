"""The run of a promotion: from the PUT that begins it until an hour after its end, when it retires.

A retired promotion leaves the stocks of its items, so that no record grows with the promotions that are over. A PUT of
it begins a new run, which counts its portions and its customers' orders from zero. Until then a PUT only changes the
run, which may go on: what is sold stays counted.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from schemas.catalogue import Promotion, Stock
from schemas.orders import Order
from schemas.timestamps import EpochMs, add_seconds, from_text
from streams.domain.decision import Policy
from streams.domain.state import State
from tables.registry import PROMOTIONS, key


def is_retired(promotion: Promotion, now: EpochMs, policy: Policy) -> bool:
    """Return True if the promotion's run is over for good."""
    return add_seconds(promotion.ends_at, policy.promotion_retirement_seconds) <= now


def unretired(ends: Mapping[str, EpochMs], now: EpochMs, policy: Policy) -> dict[str, EpochMs]:
    """Return those promotions, with their ends, whose run may still go on."""
    retired = now - policy.promotion_retirement_seconds * 1000
    return {promotion_id: ends_at for promotion_id, ends_at in ends.items() if ends_at > retired}


def begin_of_run(before: Promotion | None, now: EpochMs, policy: Policy) -> EpochMs:
    """Return when the run of a promotion that is put at `now` began; `before` is the stored promotion."""
    if before is None or is_retired(before, now, policy):
        return now
    return before.counted_from


def drop_retired(state: State, restaurant_id: str, stock: Stock, now: EpochMs, policy: Policy) -> Stock:
    """Return the stock without the allotments of retired promotions; the same object if it has none."""
    kept = {
        promotion_id: allotment
        for promotion_id, allotment in stock.allotments.items()
        if (promotion := state[PROMOTIONS].get(key(restaurant_id, promotion_id))) is not None
        and not is_retired(promotion, now, policy)
    }
    if len(kept) == len(stock.allotments):
        return stock
    return replace(stock, allotments=kept)


def is_counted(state: State, order: Order, promotion_id: str) -> bool:
    """Return True if the promotion's present run counts this order, and not an earlier one."""
    promotion = state[PROMOTIONS].get(key(order.restaurant_id, promotion_id))
    return promotion is not None and promotion.counted_from <= from_text(order.created_at)
