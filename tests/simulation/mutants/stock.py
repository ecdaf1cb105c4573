"""Bugs in the stock."""

from collections.abc import Iterator
from unittest.mock import patch

from msgspec.structs import replace

from streams.domain import catalogue, reservation
from tests.simulation.mutants.planted import mutant


@mutant("never-oversold")
def count_lines_of_one_item_separately() -> Iterator[None]:
    def shortages(quote):
        return [
            reservation.Shortage(line.sku, available)
            for line in quote.lines
            if (available := quote.offers[line.sku].available) is not None and available < line.quantity
        ]

    with patch.object(reservation, "shortages", shortages):
        yield


@mutant("never-oversold")
def sell_one_more_than_there_is() -> Iterator[None]:
    def shortages(quote):
        return [
            reservation.Shortage(sku, available)
            for sku, quantity in quote.quantities.items()
            if (available := quote.offers[sku].available) is not None and available + 1 < quantity
        ]

    with patch.object(reservation, "shortages", shortages):
        yield


@mutant("never-oversold")
def treat_zero_portions_as_unlimited() -> Iterator[None]:
    def shortages(quote):
        return [
            reservation.Shortage(sku, offer.available)
            for sku, quantity in quote.quantities.items()
            if (offer := quote.offers[sku]).available and offer.available < quantity
        ]

    with patch.object(reservation, "shortages", shortages):
        yield


@mutant("never-oversold", "availability-is-what-is-left")
def bound_a_promotion_by_its_allotment_alone() -> Iterator[None]:
    original = reservation.pricing.current_offer

    def current_offer(item, stock, promotions, now):
        offer = original(item, stock, promotions, now)
        if offer.promotion is None:
            return offer
        return replace(offer, available=stock.allotments[offer.promotion.promotion_id].free)

    with patch.object(reservation.pricing, "current_offer", current_offer):
        yield


@mutant("never-oversold", "availability-is-what-is-left")
def do_not_count_the_allotment() -> Iterator[None]:
    original = reservation.reserve_portions
    with patch.object(
        reservation, "reserve_portions", lambda stock, quantity, promotion: original(stock, quantity, None)
    ):
        yield


@mutant("all-or-nothing", "acknowledged-orders-stand")
def reserve_each_line_in_part() -> Iterator[None]:
    def no_shortages(quote):
        return []

    original = reservation.reserve

    def reserve(state, restaurant_id, quote, customer):
        available = {
            sku: quantity if (free := quote.offers[sku].available) is None else min(quantity, free)
            for sku, quantity in quote.quantities.items()
        }
        return original(state, restaurant_id, replace(quote, quantities=available), customer)

    with patch.object(reservation, "shortages", no_shortages), patch.object(reservation, "reserve", reserve):
        yield


@mutant("never-oversold", "stock-conserved")
def reset_the_count_on_a_put() -> Iterator[None]:
    original = catalogue.put_menu_item

    def put(*args):
        decision = original(*args)
        facts = [replace(f, stocks=[replace(s, reserved=0) for s in f.stocks]) for f in decision.facts]
        return replace(decision, facts=tuple(facts))

    with patch("streams.domain.decide.put_menu_item", put):
        yield


@mutant("stock-conserved", "all-or-nothing")
def reserve_twice() -> Iterator[None]:
    original = reservation.reserve_portions
    with patch.object(
        reservation,
        "reserve_portions",
        lambda stock, quantity, promotion: original(stock, 2 * quantity, promotion),
    ):
        yield


@mutant("stock-versions-without-gap", "views-equal-facts")
def do_not_increment_the_stock_version() -> Iterator[None]:
    original = reservation.reserve_portions

    def reserve_portions(stock, quantity, promotion):
        return replace(original(stock, quantity, promotion), version=stock.version)

    with patch.object(reservation, "reserve_portions", reserve_portions):
        yield
