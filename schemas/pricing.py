"""Price and availability of an item at one time.

Decisions and menu pages use this one rule, so both always agree.
"""

from collections.abc import Iterable

from msgspec import Struct

from schemas.catalogue import Item, Promotion, Stock
from schemas.commands import PromotionItem
from schemas.money import Money
from schemas.timestamps import EpochMs


class Offer(Struct, frozen=True):
    """An item's price, the portions available at that price, and the promotion that sets them."""

    unit_price: Money
    available: int | None  # None: unlimited
    promotion: Promotion | None = None
    promotion_item: PromotionItem | None = None


def current_offer(item: Item, stock: Stock, promotions: Iterable[Promotion], now: EpochMs) -> Offer:
    """Return the offer of an item at `now` (milliseconds since 1970).

    An open promotion sets the price, and bounds the portions by its allotment within the item's own. Of several
    open promotions the cheapest applies, then the lowest id, so that no order draws on two allotments.
    """
    candidates = [
        (promotion_item.promo_price.amount, promotion.promotion_id, promotion, promotion_item)
        for promotion in promotions
        if promotion.is_open(now) and (promotion_item := promotion.item(item.sku)) is not None
    ]
    if not candidates:
        return Offer(item.price, stock.free)
    _, promotion_id, promotion, promotion_item = min(candidates, key=lambda c: c[:2])
    allotment = stock.allotments.get(promotion_id)
    bounds = [free for free in (stock.free, allotment.free if allotment else None) if free is not None]
    return Offer(promotion_item.promo_price, min(bounds) if bounds else None, promotion, promotion_item)
