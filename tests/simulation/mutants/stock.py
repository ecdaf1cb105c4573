"""Stock, got wrong."""

from collections.abc import Iterator
from unittest.mock import patch

from msgspec.structs import replace

from streams.domain import catalogue, reservation
from tests.simulation.mutants.planted import mutant


@mutant("never-oversold")
def count_the_lines_of_one_item_apart() -> Iterator[None]:
    def shortages(quoted):
        return [
            reservation.Shortage(line.sku, available)
            for line in quoted.lines
            if (available := quoted.offers[line.sku].available) is not None and available < line.quantity
        ]

    with patch.object(reservation, "shortages", shortages):
        yield


@mutant("never-oversold")
def sell_one_more_than_there_is() -> Iterator[None]:
    def shortages(quoted):
        return [
            reservation.Shortage(sku, available)
            for sku, quantity in quoted.quantities.items()
            if (available := quoted.offers[sku].available) is not None and available + 1 < quantity
        ]

    with patch.object(reservation, "shortages", shortages):
        yield


@mutant("never-oversold")
def take_zero_portions_for_no_limit() -> Iterator[None]:
    def shortages(quoted):
        return [
            reservation.Shortage(sku, offered.available)
            for sku, quantity in quoted.quantities.items()
            if (offered := quoted.offers[sku]).available and offered.available < quantity
        ]

    with patch.object(reservation, "shortages", shortages):
        yield


@mutant("never-oversold", "availability-is-what-is-left")
def bound_a_promotion_by_its_allotment_alone() -> Iterator[None]:
    original = reservation.offer.of

    def of(item, stock, promotions, now):
        offered = original(item, stock, promotions, now)
        if offered.promotion is None:
            return offered
        return replace(offered, available=stock.allotments[offered.promotion.promotion_id].free)

    with patch.object(reservation.offer, "of", of):
        yield


@mutant("never-oversold", "availability-is-what-is-left")
def leave_the_allotment_uncounted() -> Iterator[None]:
    original = reservation.take
    with patch.object(
        reservation, "take", lambda stock, quantity, promotion: original(stock, quantity, None)
    ):
        yield


@mutant("all-or-nothing", "acknowledged-orders-stand")
def reserve_what_there_is_of_each_line() -> Iterator[None]:
    def short(quoted):
        return []

    original = reservation.reserve

    def reserve(state, restaurant_id, quoted, customer):
        there = {
            sku: quantity if (free := quoted.offers[sku].available) is None else min(quantity, free)
            for sku, quantity in quoted.quantities.items()
        }
        return original(state, restaurant_id, replace(quoted, quantities=there), customer)

    with patch.object(reservation, "shortages", short), patch.object(reservation, "reserve", reserve):
        yield


@mutant("never-oversold", "stock-conserved")
def start_the_count_anew_when_portions_are_put() -> Iterator[None]:
    original = catalogue.put_menu_item

    def put(state, command, now):
        decision = original(state, command, now)
        facts = [replace(f, stocks=[replace(s, reserved=0) for s in f.stocks]) for f in decision.facts]
        return replace(decision, facts=tuple(facts))

    with patch("streams.domain.decide.put_menu_item", put):
        yield


@mutant("stock-conserved", "all-or-nothing")
def reserve_twice() -> Iterator[None]:
    original = reservation.take
    with patch.object(
        reservation, "take", lambda stock, quantity, promotion: original(stock, 2 * quantity, promotion)
    ):
        yield


@mutant("stock-versions-without-gap", "views-equal-facts")
def leave_the_stock_version_as_it_is() -> Iterator[None]:
    original = reservation.take

    def take(stock, quantity, promotion):
        return replace(original(stock, quantity, promotion), version=stock.version)

    with patch.object(reservation, "take", take):
        yield
