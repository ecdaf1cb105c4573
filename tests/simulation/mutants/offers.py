"""Bugs in prices, promotions and limits."""

from collections.abc import Iterator
from unittest.mock import patch

from msgspec.structs import replace

from schemas.money import Money
from streams.domain import catalogue, promotion_runs, reservation
from tables.registry import CUSTOMER_USAGE
from tests.simulation.mutants.planted import mutant


@mutant("portions-are-what-was-put")
def raise_portions_to_what_is_reserved() -> Iterator[None]:
    """The restaurant says 0; after a cancellation the item sells again (Magento inventory #2725)."""
    original = catalogue.put_menu_item

    def put(*args):
        decision = original(*args)
        facts = [replace(f, stocks=[*map(_at_minimum, f.stocks)]) for f in decision.facts]
        return replace(decision, facts=tuple(facts))

    with patch("streams.domain.decide.put_menu_item", put):
        yield


def _at_minimum(stock):
    return replace(
        stock, portions=None if stock.portions is None else max(stock.portions, stock.reserved + stock.wasted)
    )


@mutant("portions-are-what-was-put")
def take_released_portions_as_new_ones() -> Iterator[None]:
    """A release raises the number that was put."""
    original = reservation.release

    def release(state, order, now, wasted):
        items = original(state, order, now, wasted)
        return [
            item
            if item.stock.portions is None
            else replace(item, stock=replace(item.stock, portions=item.stock.portions + item.quantity))
            for item in items
        ]

    with patch.object(reservation, "release", release):
        yield


@mutant("promotions-keep-their-bounds")
def accept_every_promotion() -> Iterator[None]:
    """Dearer than the item, of more portions, or over (Bagisto #2162, WooCommerce #16560)."""
    with patch.object(catalogue, "_faults", lambda *_: iter(())):
        yield


@mutant("orders-pay-an-offered-price")
def apply_a_promotion_that_is_dearer() -> Iterator[None]:
    """The item's price was lowered below that of its promotion."""
    original = reservation.pricing.current_offer

    def current_offer(item, *rest):
        offer = original(replace(item, price=Money(10**9)), *rest)
        return offer if offer.promotion else replace(offer, unit_price=item.price)

    with patch.object(reservation.pricing, "current_offer", current_offer):
        yield


@mutant("orders-pay-an-offered-price")
def take_the_price_of_a_promotion_that_is_over() -> Iterator[None]:
    """The window is not compared with the time of the order."""
    original = reservation.pricing.current_offer

    def current_offer(item, stock, promotions, now, *rest):
        return original(item, stock, [replace(p, ends_at=now + 1) for p in promotions], now, *rest)

    with patch.object(reservation.pricing, "current_offer", current_offer):
        yield


@mutant("cheapest-offer-with-portions-applies")
def fall_to_the_regular_price_too_early() -> Iterator[None]:
    """The last portion of a promotion counts as none."""
    original = reservation.pricing.current_offer

    def current_offer(item, stock, *rest):
        offer = original(item, stock, *rest)
        if offer.promotion is not None and offer.available == 1:
            return reservation.Offer(item.price, stock.free)
        return offer

    with patch.object(reservation.pricing, "current_offer", current_offer):
        yield


@mutant("refusals-have-no-offer-left")
def offer_only_the_cheapest_promotion() -> Iterator[None]:
    """The item is sold out with it, though another promotion has portions."""
    original = reservation.pricing.current_offer

    def current_offer(item, stock, promotions, now, *rest):
        offered = [
            (promotion_item.promo_price.amount, promotion.promotion_id, promotion)
            for promotion in promotions
            if promotion.is_open(now) and (promotion_item := promotion.item(item.sku))
        ]
        cheapest = [promotion for *_, promotion in sorted(offered, key=lambda o: o[:2])[:1]]
        return original(item, stock, cheapest, now, *rest)

    with patch.object(reservation.pricing, "current_offer", current_offer):
        yield


@mutant("refusals-have-no-offer-left")
def stay_sold_out_at_the_regular_price() -> Iterator[None]:
    """What the promotion says of the end of its portions is not read."""
    original = reservation.pricing.current_offer

    def current_offer(item, stock, promotions, *rest):
        silent = [
            replace(p, items=[replace(i, when_sold_out="sold_out") for i in p.items]) for p in promotions
        ]
        return original(item, stock, silent, *rest)

    with patch.object(reservation.pricing, "current_offer", current_offer):
        yield


@mutant("limits-count-all-orders")
def count_only_while_there_is_a_limit() -> Iterator[None]:
    """What was ordered before the promotion had its limit is not counted."""
    original = reservation.reserve

    def reserve(state, restaurant_id, quote, customer):
        limited = set(reservation.limited_items(quote))
        items = original(state, restaurant_id, quote, customer)
        return [item if item.sku in limited else replace(item, customer_id=None) for item in items]

    with patch.object(reservation, "reserve", reserve):
        yield


@mutant("limits-count-all-orders")
def count_each_order_alone() -> Iterator[None]:
    """A customer orders the limit again and again."""
    original = reservation.limits_reached

    def limits_reached(state, *rest):
        return original({CUSTOMER_USAGE: {}}, *rest)

    with patch.object(reservation, "limits_reached", limits_reached):
        yield


@mutant("orders-prove-what-a-promotion-asks")
def take_a_name_for_a_proof() -> Iterator[None]:
    """Any customer is as good as one who has proved a phone."""
    original = reservation.missing_assurance

    def missing_assurance(quote, given):
        return original(quote, "none" if given == "none" else "phone")

    with patch.object(reservation, "missing_assurance", missing_assurance):
        yield


@mutant("orders-prove-what-a-promotion-asks")
def ask_for_a_customer_at_limits_only() -> Iterator[None]:
    """What the promotion itself asks is not read."""
    original = reservation.missing_assurance

    def missing_assurance(quote, given):
        limited = set(reservation.limited_items(quote))
        return {
            sku: asked for sku, asked in original(quote, given).items() if sku in limited and given == "none"
        }

    with patch.object(reservation, "missing_assurance", missing_assurance):
        yield


@mutant("allotments-count-their-run")
def release_what_an_earlier_run_sold_into_the_present_one() -> Iterator[None]:
    with patch.object(promotion_runs, "is_counted", lambda state, order, promotion_id: True):
        yield


@mutant("allotments-count-their-run", "ended-promotions-leave-the-stocks")
def keep_ended_promotions_in_the_stocks() -> Iterator[None]:
    def keep(state, restaurant_id, stock, now, policy):
        return stock

    with patch.object(promotion_runs, "drop_retired", keep):
        yield


@mutant("runs-begin-after-retirement")
def begin_a_new_run_with_each_put() -> Iterator[None]:
    def begin(before, now, policy):
        return now

    with patch.object(promotion_runs, "begin_of_run", begin):
        yield


@mutant("runs-begin-after-retirement")
def let_a_run_never_end() -> Iterator[None]:
    def begin(before, now, policy):
        return now if before is None else before.counted_from

    with patch.object(promotion_runs, "begin_of_run", begin):
        yield
