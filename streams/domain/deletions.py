"""Deletion of restaurants, menu items and promotions, and what divides a thing that is put again from its past.

Nothing is kept of a deleted thing. Its restaurant keeps two numbers (`CatalogueSize`): the version of the latest
deletion, past which the versions of all new things begin, and the time by which all orders of deleted things had been
placed. Such an order stays as it is; its portions go nowhere when it releases them.
"""

from collections.abc import Iterator

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.commands import CatalogueDeletion, DeleteMenuItem, DeletePromotion, DeleteRestaurant
from schemas.facts import CatalogChanged
from schemas.orders import Order
from schemas.replies import Answer, Reply
from schemas.timestamps import EpochMs, add_seconds, from_text, to_text
from streams.domain import promotion_runs
from streams.domain.decision import Decision, Policy, reply_only
from streams.domain.state import State
from tables.records import CatalogueSize, Kitchen
from tables.registry import CATALOGUE_SIZES, ITEMS, KITCHENS, PROMOTIONS, RESTAURANTS, STOCKS, key


def delete(state: State, command: CatalogueDeletion, now: EpochMs, policy: Policy) -> Decision:
    """Delete what the command names; the reply says the version of the deletion, or why nothing was deleted."""
    match command:
        case DeleteMenuItem():
            return delete_menu_item(state, command, now, policy)
        case DeletePromotion():
            return delete_promotion(state, command, now, policy)
        case DeleteRestaurant():
            return delete_restaurant(state, command, now, policy)


def delete_menu_item(state: State, command: DeleteMenuItem, now: EpochMs, policy: Policy) -> Decision:
    """Delete an item and its stock; promotions that are planned or open lose it.

    An item of the same sku that is put later is in no promotion, until a promotion is put with it.
    """
    restaurant_id, sku = command.restaurant_id, command.sku
    if restaurant_id not in state[RESTAURANTS]:
        return reply_only(Answer("unknown_restaurant"))
    item = state[ITEMS].get(key(restaurant_id, sku))
    if item is None:
        return reply_only(Answer("unknown_item", skus=[sku]))
    stock = state[STOCKS][key(restaurant_id, sku)]
    without = [
        _change(command, now, promotion.version, promotion=promotion)
        for promotion in _promotions_without(state, restaurant_id, sku, now, policy)
    ]
    version = _deletion_version(state, restaurant_id, item, stock)
    return _deleted(*without, _change(command, now, version, deleted_item=sku))


def delete_promotion(state: State, command: DeletePromotion, now: EpochMs, policy: Policy) -> Decision:
    """Delete a promotion and its allotments; a retired one has none that count, and the next PUTs drop them."""
    restaurant_id, promotion_id = command.restaurant_id, command.promotion_id
    promotion = state[PROMOTIONS].get(key(restaurant_id, promotion_id))
    if promotion is None:
        is_known = restaurant_id in state[RESTAURANTS]
        return reply_only(Answer("unknown_promotion" if is_known else "unknown_restaurant"))
    stocks = []
    if not promotion_runs.is_retired(promotion, now, policy):
        for sku in dict.fromkeys(item.sku for item in promotion.items):
            stock = state[STOCKS].get(key(restaurant_id, sku))
            if stock is not None and promotion_id in stock.allotments:
                kept = {id_: one for id_, one in stock.allotments.items() if id_ != promotion_id}
                stocks.append(replace(stock, allotments=kept, version=stock.version + 1))
    return _deleted(
        *(_change(command, now, stock.version, stocks=[stock]) for stock in stocks),
        _change(
            command,
            now,
            _deletion_version(state, restaurant_id, promotion),
            deleted_promotion=promotion_id,
        ),
    )


def delete_restaurant(state: State, command: DeleteRestaurant, now: EpochMs, policy: Policy) -> Decision:
    """Delete a restaurant that has nothing that anyone could miss; retired promotions are deleted in their time."""
    restaurant_id = command.restaurant_id
    restaurant = state[RESTAURANTS].get(restaurant_id)
    if restaurant is None:
        return reply_only(Answer("unknown_restaurant"))
    size = size_of(state, restaurant_id)
    if size.items or promotion_runs.unretired(size.promotions, now, policy):
        return reply_only(Answer("not_empty"))
    if state[KITCHENS].get(restaurant_id, Kitchen()).unfinished_orders:
        return reply_only(Answer("open_orders"))
    version = _deletion_version(state, restaurant_id, restaurant)
    return _deleted(_change(command, now, version, deleted_restaurant=restaurant_id))


def delete_when_over(
    state: State, promotion: Promotion, restaurant_id: str, now: EpochMs, policy: Policy
) -> Decision:
    """Delete a promotion whose retention has ended; a retention that was longer when it was put ends later."""
    if retention_ends(promotion, policy) > now:
        return Decision()
    deleted = delete_promotion(state, DeletePromotion(restaurant_id, promotion.promotion_id), now, policy)
    return replace(deleted, reply=None)


def retention_ends(promotion: Promotion, policy: Policy) -> EpochMs:
    """Return when an ended promotion is deleted by itself: not before it has retired."""
    kept_seconds = max(policy.promotion_retention_seconds, policy.promotion_retirement_seconds)
    return add_seconds(promotion.ends_at, kept_seconds)


def size_of(state: State, restaurant_id: str) -> CatalogueSize:
    """Return what is counted of a restaurant, which need not exist any more."""
    return state[CATALOGUE_SIZES].get(restaurant_id, CatalogueSize())


def next_version(state: State, restaurant_id: str, before: Restaurant | Item | Promotion | None) -> int:
    """Return the version of what is put; that of a new thing is greater than all that its id ever had."""
    return before.version + 1 if before else size_of(state, restaurant_id).deleted_version + 1


def begin_of_life(state: State, restaurant_id: str, now: EpochMs) -> EpochMs:
    """Return the time from which a new thing counts its orders: `now`, but after all orders of deleted things.

    A thing that is deleted and put again within one millisecond does not count the orders of that millisecond: their
    portions stay reserved when they are cancelled, which is the safe side.
    """
    return EpochMs(max(now, size_of(state, restaurant_id).deleted_at + 1))


def begin_of_stock(state: State, restaurant_id: str, now: EpochMs) -> EpochMs | UnsetType:
    """Return the time from which a new stock counts its orders; unset, where nothing was ever deleted."""
    is_first_life = not size_of(state, restaurant_id).deleted_version
    return UNSET if is_first_life else begin_of_life(state, restaurant_id, now)


def has_portions_of(stock: Stock, order: Order) -> bool:
    """Return True if the order's portions are of this stock, and not of an earlier one of the same sku."""
    return (stock.counted_from or 0) <= from_text(order.created_at)


def count_deletion(state: State, size: CatalogueSize, fact: CatalogChanged) -> CatalogueSize:
    """Return the counts of a restaurant after a deletion."""
    begins = [from_text(fact.occurred_at), size.deleted_at]
    if fact.deleted_item:
        stock = state[STOCKS].get(key(fact.restaurant_id, fact.deleted_item))
        begins.append((stock.counted_from or EpochMs(0)) if stock else EpochMs(0))
        size = replace(size, items=max(0, size.items - 1))
    if fact.deleted_promotion:
        promotion = state[PROMOTIONS].get(key(fact.restaurant_id, fact.deleted_promotion))
        begins.append(promotion.counted_from if promotion else EpochMs(0))
        kept = {id_: ends for id_, ends in size.promotions.items() if id_ != fact.deleted_promotion}
        size = replace(size, promotions=kept)
    return replace(size, deleted_version=fact.version, deleted_at=max(begins))


def _promotions_without(
    state: State, restaurant_id: str, sku: str, now: EpochMs, policy: Policy
) -> Iterator[Promotion]:
    """Yield the planned and open promotions that have the item, as they are without it."""
    for promotion_id in promotion_runs.unretired(size_of(state, restaurant_id).promotions, now, policy):
        promotion = state[PROMOTIONS].get(key(restaurant_id, promotion_id))
        if promotion is not None and promotion.ends_at > now and promotion.item(sku) is not None:
            kept = [item for item in promotion.items if item.sku != sku]
            yield replace(promotion, items=kept, version=promotion.version + 1)


def _deletion_version(
    state: State, restaurant_id: str, *deleted: Restaurant | Item | Promotion | Stock
) -> int:
    """Return a version greater than those of what is deleted, and of every earlier deletion."""
    return 1 + max(size_of(state, restaurant_id).deleted_version, *(one.version for one in deleted))


def _change(
    command: CatalogueDeletion,
    now: EpochMs,
    version: int,
    *,
    promotion: Promotion | None = None,
    stocks: list[Stock] | None = None,
    deleted_restaurant: str | UnsetType = UNSET,
    deleted_item: str | UnsetType = UNSET,
    deleted_promotion: str | UnsetType = UNSET,
) -> CatalogChanged:
    return CatalogChanged(
        restaurant_id=command.restaurant_id,
        occurred_at=to_text(now),
        version=version,
        promotion=promotion,
        stocks=stocks or [],
        changed_by=command.by,
        deleted_restaurant=deleted_restaurant,
        deleted_item=deleted_item,
        deleted_promotion=deleted_promotion,
    )


def _deleted(*facts: CatalogChanged) -> Decision:
    return Decision(facts, Reply(Answer("deleted", version=facts[-1].version)))
