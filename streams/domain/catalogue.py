"""Put a restaurant, a menu item, a promotion: what is asked replaces what was, stock aside.

Portions are the whole number offered, sold ones included, so that saying the same thing twice
adds nothing. Fewer than are already taken cannot be offered: the number then becomes what is taken.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from schemas.catalogue import Allotment, Item, Promotion, Restaurant, Stock
from schemas.commands import PutMenuItem, PutPromotion, PutRestaurant
from schemas.facts import CatalogChanged
from schemas.instants import to_text
from schemas.replies import Answer, Reply
from streams.domain.decision import Decision, answer
from streams.domain.state import State
from tables.registry import key

Thing = Restaurant | Item | Promotion
NOTHING_LENT: Mapping[str, int] = {}


def put_restaurant(state: State, command: PutRestaurant, now: int) -> Decision:
    """Create or replace a profile."""
    before = state.restaurants.get(command.restaurant_id)
    after = Restaurant(
        restaurant_id=command.restaurant_id,
        name=command.name,
        kitchen_capacity=command.kitchen_capacity,
        preparation_timeout_seconds=command.preparation_timeout_seconds,
        webhook=command.webhook,
        version=_next(before),
    )
    return _changed(command.restaurant_id, before, after, [], now)


def put_menu_item(
    state: State, command: PutMenuItem, now: int, net: Mapping[str, int] = NOTHING_LENT
) -> Decision:
    """Create or replace an item of a known restaurant's menu.

    `net` is what other buckets gave the restaurant's home less what they have of it, by item and by
    allotment (README, Stock escrow): of the whole number, the home has what they do not have.
    """
    if command.restaurant_id not in state.restaurants:
        return answer(Answer("unknown_restaurant"))
    item_key = key(command.restaurant_id, command.sku)
    before = state.items.get(item_key)
    after = Item(
        sku=command.sku,
        name=command.name,
        description=command.description,
        category=command.category,
        price=command.price,
        version=_next(before),
    )
    stock = state.stocks.get(item_key)
    if stock is None:
        changed = [Stock(sku=command.sku, version=1, portions=command.portions)]
    else:
        here = None if command.portions is None else command.portions + net.get(command.sku, 0)
        portions = _at_least(here, stock.reserved + stock.wasted)
        changed = (
            []
            if portions == stock.portions
            else [replace(stock, portions=portions, version=stock.version + 1)]
        )
    return _changed(command.restaurant_id, before, after, changed, now)


def put_promotion(
    state: State, command: PutPromotion, now: int, net: Mapping[str, int] = NOTHING_LENT
) -> Decision:
    """Create or replace a promotion of items that are on the menu; `net` as in `put_menu_item`."""
    if command.restaurant_id not in state.restaurants:
        return answer(Answer("unknown_restaurant"))
    unknown = [i.sku for i in command.items if key(command.restaurant_id, i.sku) not in state.items]
    if unknown:
        return answer(Answer("unknown_item", skus=unknown))
    before = state.promotions.get(key(command.restaurant_id, command.promotion_id))
    after = Promotion(
        promotion_id=command.promotion_id,
        starts_at=command.starts_at,
        ends_at=command.ends_at,
        items=command.items,
        version=_next(before),
    )
    after = replace(after, phase=after.phase_at(now))
    skus = dict.fromkeys(i.sku for i in [*(before.items if before else []), *command.items])
    stocks = [state.stocks[key(command.restaurant_id, sku)] for sku in skus]
    changed = [new for old in stocks if (new := _allot(old, after, net)) is not old]
    return _changed(command.restaurant_id, before, after, changed, now)


def _allot(stock: Stock, promotion: Promotion, net: Mapping[str, int]) -> Stock:
    """Return the stock with this promotion's allotment as it now is; the same object if nothing changes."""
    before = stock.allotments.get(promotion.promotion_id)
    item = promotion.item(stock.sku)
    taken = before.reserved + before.wasted if before else 0
    if item is not None:
        balance = net.get(key(stock.sku, promotion.promotion_id), 0)
        portions = _at_least(None if item.portions is None else item.portions + balance, taken)
        after = replace(before, portions=portions) if before else Allotment(portions)
    elif before is not None and taken:
        after = replace(before, portions=taken)  # no longer offered, but what was sold stays counted
    else:
        after = None
    if after == before:
        return stock
    allotments = {k: v for k, v in stock.allotments.items() if k != promotion.promotion_id}
    if after is not None:
        allotments[promotion.promotion_id] = after
    return replace(stock, allotments=allotments, version=stock.version + 1)


def _at_least(portions: int | None, taken: int) -> int | None:
    return None if portions is None else max(portions, taken)


def _next(before: Thing | None) -> int:
    return before.version + 1 if before else 1


def _changed(
    restaurant_id: str, before: Thing | None, after: Thing, stocks: list[Stock], now: int
) -> Decision:
    unchanged = before is not None and not stocks and replace(after, version=before.version) == before
    if before is not None and unchanged:
        return Decision(reply=Reply(Answer("replaced", version=before.version)))
    fact = CatalogChanged(
        restaurant_id=restaurant_id,
        occurred_at=to_text(now),
        version=after.version,
        restaurant=after if isinstance(after, Restaurant) else None,
        item=after if isinstance(after, Item) else None,
        promotion=after if isinstance(after, Promotion) else None,
        stocks=stocks,
    )
    return Decision((fact,), Reply(Answer("replaced" if before else "created", version=after.version)))
