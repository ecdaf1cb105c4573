"""Price an order by the current offers, and reserve the portions of all its lines or of none."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from schemas import assurance, pricing
from schemas.assurance import Assurance
from schemas.catalogue import Promotion, Stock
from schemas.commands import CustomerRef, RequestedItem
from schemas.facts import ReservedItem, StockReleased
from schemas.orders import LimitReached, Order, OrderLine, Shortage
from schemas.pricing import Offer
from schemas.timestamps import EpochMs, to_text
from streams.domain import deletions, promotion_runs
from streams.domain.state import State
from tables.records import EscrowState
from tables.registry import CUSTOMER_USAGE, ESCROWS, ITEMS, PROMOTIONS, STOCKS, key


class Quote(Struct, frozen=True):
    """What an order wants at the current offers; lines of one sku are counted together."""

    lines: list[OrderLine]
    quantities: Mapping[str, int]  # by sku
    offers: dict[str, Offer]


def total_quantities(lines: Iterable[RequestedItem | OrderLine]) -> Counter[str]:
    """Return how many portions the lines have of each sku together."""
    quantities: Counter[str] = Counter()
    for line in lines:
        quantities[line.sku] += line.quantity
    return quantities


def unknown_items(state: State, restaurant_id: str, lines: Iterable[RequestedItem]) -> list[str]:
    """Return the skus that are not on the menu, each once, in the order of the lines."""
    return list(dict.fromkeys(line.sku for line in lines if key(restaurant_id, line.sku) not in state[ITEMS]))


def current_offer(state: State, restaurant_id: str, stock: Stock, now: EpochMs, buckets: int = 1) -> Offer:
    """Return the offer of an item of the menu at `now`, with this stock of it.

    With more than one bucket, a promotion that has no portions here is sold out only if the bucket has learnt that
    no other one has any (escrow/README.md, N1).
    """
    item = state[ITEMS][key(restaurant_id, stock.sku)]
    promotions = list(_promotions_of(state, restaurant_id, stock))
    if buckets == 1:
        return pricing.current_offer(item, stock, promotions, now)
    escrow = state[ESCROWS].get(restaurant_id, EscrowState())
    return pricing.current_offer(
        item,
        _without_run_out(stock, escrow.run_out),
        promotions,
        now,
        lambda promotion_id: escrow.sold_out_until.get(key(stock.sku, promotion_id), 0) <= now,
    )


def _promotions_of(state: State, restaurant_id: str, stock: Stock) -> Iterator[Promotion]:
    for promotion_id in stock.allotments:
        promotion = state[PROMOTIONS].get(key(restaurant_id, promotion_id))
        if promotion is not None:
            yield promotion


def _without_run_out(stock: Stock, run_out: Container[str]) -> Stock:
    """Return the stock without portions that came back after the restaurant had put 0 of them."""
    gone = [id_ for id_ in stock.allotments if key(stock.sku, id_) in run_out]
    if gone:
        zero = {id_: replace(stock.allotments[id_], portions=0) for id_ in gone}
        stock = replace(stock, allotments=stock.allotments | zero)
    return replace(stock, portions=0) if stock.sku in run_out else stock


def make_quote(
    state: State, restaurant_id: str, lines: list[RequestedItem], now: EpochMs, buckets: int = 1
) -> Quote:
    """Price the lines at the current offers; every sku must be on the menu."""
    quantities = total_quantities(lines)
    stocks = (state[STOCKS][key(restaurant_id, sku)] for sku in quantities)
    offers = {stock.sku: current_offer(state, restaurant_id, stock, now, buckets) for stock in stocks}
    priced = [
        OrderLine(
            sku=line.sku,
            name=state[ITEMS][key(restaurant_id, line.sku)].name,
            quantity=line.quantity,
            unit_price=offers[line.sku].unit_price,
            promotion_id=promotion.promotion_id if (promotion := offers[line.sku].promotion) else None,
        )
        for line in lines
    ]
    return Quote(priced, quantities, offers)


def changed_prices(quote: Quote, lines: list[RequestedItem]) -> list[str]:
    """Return the skus whose price differs from the one that the customer was shown."""
    return list(
        dict.fromkeys(
            line.sku
            for line in lines
            if line.expected_unit_price is not None
            and line.expected_unit_price != quote.offers[line.sku].unit_price
        )
    )


def closed_promotions(
    state: State, restaurant_id: str, skus: Iterable[str], lines: list[RequestedItem], now: EpochMs
) -> list[str]:
    """Return those of `skus` that were ordered at the price of a promotion that is not open."""
    closed = []
    for sku in skus:
        expected = {line.expected_unit_price for line in lines if line.sku == sku}
        stock = state[STOCKS][key(restaurant_id, sku)]
        for promotion in _promotions_of(state, restaurant_id, stock):
            promotion_item = promotion.item(sku)
            if promotion_item and promotion_item.promo_price in expected and not promotion.is_open(now):
                closed.append(sku)
                break
    return closed


def limited_items(quote: Quote) -> list[str]:
    """Return the skus whose promotion has a per-customer limit."""
    return [
        sku
        for sku, offer in quote.offers.items()
        if offer.promotion_item and offer.promotion_item.per_customer_limit
    ]


def missing_assurance(quote: Quote, given: Assurance) -> dict[str, Assurance]:
    """Return, by sku, what the items ask to be proved beyond what is `given`."""
    required = {
        sku: offer.promotion.required_assurance(offer.promotion_item)
        for sku, offer in quote.offers.items()
        if offer.promotion and offer.promotion_item
    }
    return {sku: asked for sku, asked in required.items() if not assurance.is_enough(given, asked)}


def limits_reached(
    state: State, restaurant_id: str, quote: Quote, customer: CustomerRef
) -> list[LimitReached]:
    """Return the items of which this customer would have more than the limit, with what is left of it."""
    reached = []
    for sku in limited_items(quote):
        promotion, promotion_item = quote.offers[sku].promotion, quote.offers[sku].promotion_item
        assert promotion and promotion_item and promotion_item.per_customer_limit
        usage = state[CUSTOMER_USAGE].get(key(restaurant_id, promotion.promotion_id, customer.id))
        is_of_run = usage is not None and usage.counted_from == promotion.counted_from
        reserved = usage.portions.get(sku, 0) if usage and is_of_run else 0
        left = max(0, promotion_item.per_customer_limit - reserved)
        if quote.quantities[sku] > left:
            reached.append(LimitReached(sku, promotion_item.per_customer_limit, left))
    return reached


def shortages(quote: Quote) -> list[Shortage]:
    """Return the skus of which too few portions are left, with how many are."""
    return [
        Shortage(sku, available)
        for sku, quantity in quote.quantities.items()
        if (available := quote.offers[sku].available) is not None and available < quantity
    ]


def reserve(
    state: State, restaurant_id: str, quote: Quote, customer: CustomerRef | None
) -> list[ReservedItem]:
    """Reserve every line; there must be no shortage.

    What a known customer reserves in a promotion is counted also while the promotion has no limit: it may get one.
    """
    reserved = []
    for sku, quantity in quote.quantities.items():
        offer = quote.offers[sku]
        promotion_id = offer.promotion.promotion_id if offer.promotion else None
        stock = reserve_portions(state[STOCKS][key(restaurant_id, sku)], quantity, promotion_id)
        reserved.append(
            ReservedItem(
                sku=sku,
                quantity=quantity,
                available=None if offer.available is None else offer.available - quantity,
                version=stock.version,
                stock=stock,
                promotion_id=promotion_id,
                customer_id=customer.id if customer and promotion_id else None,
            )
        )
    return reserved


def reserve_portions(stock: Stock, quantity: int, promotion_id: str | None) -> Stock:
    """Return the stock with `quantity` more portions reserved, also within the promotion's allotment."""
    return _adjust(stock, promotion_id, reserved=quantity, wasted=0)


def released(state: State, order: Order, now: EpochMs, *, wasted: bool) -> StockReleased:
    """Return the fact that what an order has reserved is free again, or wasted."""
    return StockReleased(
        restaurant_id=order.restaurant_id,
        order_id=order.order_id,
        items=release(state, order, now, wasted=wasted),
        wasted=wasted,
        occurred_at=to_text(now),
    )


def release(state: State, order: Order, now: EpochMs, wasted: bool) -> list[ReservedItem]:
    """Return the items of a release of what an order has reserved; wasted portions do not become free.

    Only what was counted is taken from the counts again: an earlier run of a promotion has none any more. An item that
    was deleted is left out, also if there is another one of its sku.
    """
    promotions = {
        line.sku: line.promotion_id
        for line in order.items
        if line.promotion_id is not None and promotion_runs.is_counted(state, order, line.promotion_id)
    }
    items = []
    for sku, quantity in total_quantities(order.items).items():
        before = state[STOCKS].get(key(order.restaurant_id, sku))
        if before is None or not deletions.has_portions_of(before, order):
            continue  # the item was deleted, with all portions that orders had of it
        promotion_id = promotions.get(sku)
        stock = _adjust(before, promotion_id, reserved=-quantity, wasted=quantity if wasted else 0)
        items.append(
            ReservedItem(
                sku=sku,
                quantity=quantity,
                available=current_offer(state, order.restaurant_id, stock, now).available,
                version=stock.version,
                stock=stock,
                promotion_id=promotion_id,
                customer_id=order.customer_id if order.is_counted and promotion_id else None,
            )
        )
    return items


def _adjust(stock: Stock, promotion_id: str | None, reserved: int, wasted: int) -> Stock:
    allotments = stock.allotments
    if promotion_id is not None and promotion_id in allotments:
        allotment = allotments[promotion_id]
        adjusted = replace(
            allotment, reserved=allotment.reserved + reserved, wasted=allotment.wasted + wasted
        )
        allotments = {**allotments, promotion_id: adjusted}
    return replace(
        stock,
        reserved=stock.reserved + reserved,
        wasted=stock.wasted + wasted,
        allotments=allotments,
        version=stock.version + 1,
    )
