"""Price and availability of an item at one time.

Decisions and menu pages use this one rule, so both always agree.
"""

from collections.abc import Callable, Iterable

from msgspec import Struct

from schemas.catalogue import Item, Promotion, Stock
from schemas.commands import PromotionItem
from schemas.money import Money
from schemas.timestamps import EpochMs

#: A promotion with its offer of one item.
PromotedItem = tuple[Promotion, PromotionItem]


class Offer(Struct, frozen=True):
    """An item's price, the portions available at that price, and the promotion that sets them."""

    unit_price: Money
    available: int | None  # None: unlimited
    promotion: Promotion | None = None
    promotion_item: PromotionItem | None = None


def current_offer(
    item: Item,
    stock: Stock,
    promotions: Iterable[Promotion],
    now: EpochMs,
    may_be_elsewhere: Callable[[str], bool] = lambda promotion_id: False,
) -> Offer:
    """Return the offer of an item at `now` (milliseconds since 1970).

    Args:
        item: the item.
        stock: the item's stock, of all buckets or of one.
        promotions: promotions that may have the item.
        now: the time of the offer.
        may_be_elsewhere: True for a promotion of which another bucket may have portions though this stock has none.
    """
    found = [
        (promotion, promotion_item)
        for promotion in promotions
        if promotion.is_open(now) and (promotion_item := promotion.item(item.sku)) is not None
    ]
    return best_offer(item, stock, found, may_be_elsewhere)


def index_open_promotions(promotions: Iterable[Promotion], now: EpochMs) -> dict[str, list[PromotedItem]]:
    """Return the promotions that are open at `now` by sku, so that the offers of a menu take one pass over them."""
    index: dict[str, list[PromotedItem]] = {}
    for promotion in promotions:
        if promotion.is_open(now):
            for sku, promotion_item in {one.sku: one for one in reversed(promotion.items)}.items():
                index.setdefault(sku, []).append((promotion, promotion_item))
    return index


def best_offer(
    item: Item,
    stock: Stock,
    open_promotions: Iterable[PromotedItem],
    may_be_elsewhere: Callable[[str], bool] = lambda promotion_id: False,
) -> Offer:
    """Return the offer of an item, with the open promotions that have it.

    Of the open promotions that are cheaper than the item, the cheapest with portions left applies, then the lowest
    id, so that no order draws on two allotments. It sets the price, and bounds the portions by its allotment within
    the item's own. If none has portions left, the last of them says what becomes of the item.

    Args:
        item: the item.
        stock: the item's stock, of all buckets or of one.
        open_promotions: the open promotions that have the item.
        may_be_elsewhere: see `current_offer`.
    """
    regular = item.price.amount
    candidates = [one for one in open_promotions if one[1].promo_price.amount < regular]
    candidates.sort(key=lambda one: (one[1].promo_price.amount, one[0].promotion_id))
    offer = Offer(item.price, stock.free)
    for promotion, promotion_item in candidates:
        promotion_id = promotion.promotion_id
        allotment = stock.allotments.get(promotion_id)
        bounds = [free for free in (stock.free, allotment.free if allotment else None) if free is not None]
        available = min(bounds) if bounds else None
        offer = Offer(promotion_item.promo_price, available, promotion, promotion_item)
        if allotment is None or allotment.free != 0 or may_be_elsewhere(promotion_id):
            return offer
    if offer.promotion_item is not None and offer.promotion_item.when_sold_out == "regular_price":
        return Offer(item.price, stock.free)
    return offer
