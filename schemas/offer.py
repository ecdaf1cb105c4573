"""The offer: what an item costs now, and how many portions are left at that price.

One rule for the decision and for the menu page, so that both always say the same.
"""

from collections.abc import Iterable

from msgspec import Struct

from schemas.catalogue import Item, Promotion, Stock
from schemas.commands import PromotionItem
from schemas.money import Money


class Offer(Struct, frozen=True):
    """What a customer is offered of one item at one time."""

    unit_price: Money
    available: int | None  # None: unlimited
    promotion: Promotion | None = None
    promotion_item: PromotionItem | None = None


def of(item: Item, stock: Stock, promotions: Iterable[Promotion], now: int) -> Offer:
    """Return the offer at `now` (milliseconds since 1970).

    While a promotion of the item is open it governs: its price, and its portions within the
    item's own. Of several open ones the cheapest governs, then the lowest id, so that no
    order ever draws on two allotments.
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
