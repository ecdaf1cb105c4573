"""All or nothing: what an order's lines take, priced by the offers that hold now."""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from schemas import offer
from schemas.catalogue import Promotion, Stock
from schemas.commands import CustomerRef, Line
from schemas.facts import ReservedItem
from schemas.offer import Offer
from schemas.orders import Order, OrderLine, Shortage
from streams.domain.state import State
from tables.registry import key


class Quote(Struct, frozen=True):
    """What an order asks for, at the offers of now; lines of one sku count together."""

    lines: list[OrderLine]
    quantities: dict[str, int]  # by sku
    offers: dict[str, Offer]


def unknown_items(state: State, restaurant_id: str, lines: Iterable[Line]) -> list[str]:
    """Return the skus that the menu does not have, each once, in the order of the lines."""
    return list(dict.fromkeys(line.sku for line in lines if key(restaurant_id, line.sku) not in state.items))


def current_offer(state: State, restaurant_id: str, sku: str, now: int) -> Offer:
    """Return the offer of an item of the menu at `now`."""
    stock = state.stocks[key(restaurant_id, sku)]
    return offer.of(
        state.items[key(restaurant_id, sku)], stock, _promotions(state, restaurant_id, stock), now
    )


def quote(state: State, restaurant_id: str, lines: list[Line], now: int) -> Quote:
    """Price the lines; every sku must be on the menu."""
    quantities: Counter[str] = Counter()
    for line in lines:
        quantities[line.sku] += line.quantity
    offers = {sku: current_offer(state, restaurant_id, sku, now) for sku in quantities}
    priced = [
        OrderLine(
            sku=line.sku,
            name=state.items[key(restaurant_id, line.sku)].name,
            quantity=line.quantity,
            unit_price=offers[line.sku].unit_price,
            promotion_id=promotion.promotion_id if (promotion := offers[line.sku].promotion) else None,
        )
        for line in lines
    ]
    return Quote(priced, dict(quantities), offers)


def changed_prices(quoted: Quote, lines: list[Line]) -> list[str]:
    """Return the skus whose price is not the one that the customer was shown."""
    return list(
        dict.fromkeys(
            line.sku
            for line in lines
            if line.expected_unit_price is not None
            and line.expected_unit_price != quoted.offers[line.sku].unit_price
        )
    )


def closed_promotions(
    state: State, restaurant_id: str, skus: Iterable[str], lines: list[Line], now: int
) -> list[str]:
    """Return those of `skus` that were asked at a promotional price whose window is not open."""
    closed = []
    for sku in skus:
        expected = {line.expected_unit_price for line in lines if line.sku == sku}
        stock = state.stocks[key(restaurant_id, sku)]
        for promotion_id in stock.allotments:
            promotion = state.promotions[key(restaurant_id, promotion_id)]
            promotion_item = promotion.item(sku)
            if promotion_item and promotion_item.promo_price in expected and not promotion.is_open(now):
                closed.append(sku)
                break
    return closed


def limited(quoted: Quote) -> list[str]:
    """Return the skus whose promotion limits what one customer may have."""
    return [
        sku for sku, o in quoted.offers.items() if o.promotion_item and o.promotion_item.per_customer_limit
    ]


def past_limit(state: State, restaurant_id: str, quoted: Quote, customer: CustomerRef) -> list[str]:
    """Return the skus of which this customer would have more than allowed."""
    past = []
    for sku in limited(quoted):
        promotion, promotion_item = quoted.offers[sku].promotion, quoted.offers[sku].promotion_item
        assert promotion and promotion_item and promotion_item.per_customer_limit
        allowance = state.allowances.get(key(restaurant_id, promotion.promotion_id, customer.id))
        taken = allowance.taken.get(sku, 0) if allowance else 0
        if taken + quoted.quantities[sku] > promotion_item.per_customer_limit:
            past.append(sku)
    return past


def shortages(quoted: Quote) -> list[Shortage]:
    """Return what is left of each sku that there is too little of."""
    return [
        Shortage(sku, available)
        for sku, quantity in quoted.quantities.items()
        if (available := quoted.offers[sku].available) is not None and available < quantity
    ]


def reserve(
    state: State, restaurant_id: str, quoted: Quote, customer: CustomerRef | None
) -> list[ReservedItem]:
    """Take every line; there must be no shortage."""
    with_limit = set(limited(quoted))
    reserved = []
    for sku, quantity in quoted.quantities.items():
        offered = quoted.offers[sku]
        promotion_id = offered.promotion.promotion_id if offered.promotion else None
        stock = take(state.stocks[key(restaurant_id, sku)], quantity, promotion_id)
        reserved.append(
            ReservedItem(
                sku=sku,
                quantity=quantity,
                available=None if offered.available is None else offered.available - quantity,
                version=stock.version,
                stock=stock,
                promotion_id=promotion_id,
                customer_id=customer.id if customer and sku in with_limit else None,
            )
        )
    return reserved


def take(stock: Stock, quantity: int, promotion_id: str | None) -> Stock:
    """Return the stock with `quantity` more portions reserved, also within the promotion's allotment."""
    return _move(stock, promotion_id, reserved=quantity, wasted=0)


def release(state: State, order: Order, now: int, wasted: bool) -> list[ReservedItem]:
    """Give back what an order took; wasted portions are gone, but no longer reserved."""
    quantities: dict[str, int] = {}
    promotions: dict[str, str | None] = {}
    for line in order.items:
        quantities[line.sku] = quantities.get(line.sku, 0) + line.quantity
        promotions[line.sku] = line.promotion_id
    released = []
    for sku, quantity in quantities.items():
        stock_key = key(order.restaurant_id, sku)
        stock = _move(
            state.stocks[stock_key], promotions[sku], reserved=-quantity, wasted=quantity if wasted else 0
        )
        offered = offer.of(state.items[stock_key], stock, _promotions(state, order.restaurant_id, stock), now)
        released.append(
            ReservedItem(
                sku=sku,
                quantity=quantity,
                available=offered.available,
                version=stock.version,
                stock=stock,
                promotion_id=promotions[sku],
                customer_id=order.customer_id,
            )
        )
    return released


def _move(stock: Stock, promotion_id: str | None, reserved: int, wasted: int) -> Stock:
    allotments = stock.allotments
    if promotion_id is not None and promotion_id in allotments:
        allotment = allotments[promotion_id]
        moved = replace(allotment, reserved=allotment.reserved + reserved, wasted=allotment.wasted + wasted)
        allotments = {**allotments, promotion_id: moved}
    return replace(
        stock,
        reserved=stock.reserved + reserved,
        wasted=stock.wasted + wasted,
        allotments=allotments,
        version=stock.version + 1,
    )


def _promotions(state: State, restaurant_id: str, stock: Stock) -> list[Promotion]:
    return [state.promotions[key(restaurant_id, promotion_id)] for promotion_id in stock.allotments]
