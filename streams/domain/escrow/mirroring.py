"""The menu in every bucket: what was put at the home is told to the others, newest version wins."""

from msgspec.structs import replace

from schemas.catalogue import Allotment, Item, Promotion, Restaurant, Stock
from schemas.commands import Mirror, PutMenuItem, PutPromotion, PutRestaurant
from streams.domain.catalogue import put_menu_item, put_promotion, put_restaurant
from streams.domain.decision import Decision, Onward, Policy
from streams.domain.escrow import recalling
from streams.domain.escrow.desk import Desk
from streams.domain.state import Change, State
from tables.registry import ITEMS, PROMOTIONS, RESTAURANTS, STOCKS, key

Put = PutRestaurant | PutMenuItem | PutPromotion


def put(state: State, command: Put, now: int, policy: Policy) -> Decision:
    """Put something at the home, and tell the other buckets.

    Portions are the whole number offered: what other buckets have of it is not the home's to offer again.
    """
    desk = Desk(state, command.restaurant_id, now, policy)
    if isinstance(command, PutRestaurant):
        decision = put_restaurant(state, command, now)
        if command.restaurant_id not in state.restaurants:
            desk.change(fresh=True, open=True)
    elif isinstance(command, PutMenuItem):
        decision = put_menu_item(state, command, now, desk.escrow.net)
    else:
        decision = put_promotion(state, command, now, desk.escrow.net)
    reply = desk.take_in(decision)
    if reply is not None and reply.answer.version and decision.facts:
        for name in desk.others:
            desk.send(Onward(Mirror(name, command, reply.answer.version)))
    if reply is not None and not isinstance(command, PutRestaurant):
        recalling.owe(desk, command)
    return desk.decision(reply)


def mirror(desk: Desk, command: Mirror) -> None:
    """Take over what was put at the home, unless something newer is here; portions come by transfers."""
    match command.put:
        case PutRestaurant() as put_:
            _mirror_restaurant(desk, put_, command.version)
        case PutMenuItem() as put_:
            _mirror_item(desk, put_, command.version)
        case PutPromotion() as put_:
            _mirror_promotion(desk, put_, command.version)


def _mirror_restaurant(desk: Desk, put_: PutRestaurant, version: int) -> None:
    before = desk.state.restaurants.get(desk.me)
    if version == 1 and not desk.escrow.fresh:
        desk.change(fresh=True, open=desk.policy.open_rate == 0, window_at=desk.now)
    if before is None or before.version < version:
        after = Restaurant(
            restaurant_id=desk.me,
            name=put_.name,
            kitchen_capacity=put_.kitchen_capacity,
            preparation_timeout_seconds=put_.preparation_timeout_seconds,
            webhook=put_.webhook,
            version=version,
        )
        desk.note(Change(RESTAURANTS, key(desk.me), after))


def _mirror_item(desk: Desk, put_: PutMenuItem, version: int) -> None:
    where = key(desk.me, put_.sku)
    before = desk.state.items.get(where)
    if before is not None and before.version >= version:
        return
    after = Item(put_.sku, put_.name, put_.description, put_.category, put_.price, version)
    desk.note(Change(ITEMS, where, after))
    stock = desk.state.stocks.get(where)
    if stock is None:
        desk.note(Change(STOCKS, where, Stock(put_.sku, 0, None if put_.portions is None else 0)))
    elif stock.portions is None and put_.portions is not None:
        desk.note(Change(STOCKS, where, replace(stock, portions=stock.reserved + stock.wasted)))


def _mirror_promotion(desk: Desk, put_: PutPromotion, version: int) -> None:
    where = key(desk.me, put_.promotion_id)
    before = desk.state.promotions.get(where)
    if before is not None and before.version >= version:
        return
    after = Promotion(put_.promotion_id, put_.starts_at, put_.ends_at, put_.items, version)
    desk.note(Change(PROMOTIONS, where, replace(after, phase=after.phase_at(desk.now))))
    for item in put_.items:
        stock = desk.state.stocks.get(key(desk.me, item.sku))
        if stock is None or put_.promotion_id in stock.allotments:
            continue
        allotment = Allotment(None if item.portions is None else 0)
        allotments = {**stock.allotments, put_.promotion_id: allotment}
        desk.note(Change(STOCKS, key(desk.me, item.sku), replace(stock, allotments=allotments)))
