"""When an order will be ready: examples, and a backtest on simulated kitchens."""

import math
from collections.abc import Callable
from random import Random

import pytest

from schemas.commands import AdvanceOrder
from schemas.timestamps import from_text
from streams.domain.eta import MAX_PREPARATIONS, estimate
from tables.registry import KITCHENS
from tests.support.domain.harness import NOW, DomainHarness
from tests.support.domain.simulated_kitchens import MINUTE, SimulatedKitchen, run

PREPARATIONS: dict[str, Callable[[Random], float]] = {
    "much the same": lambda chance: chance.uniform(10, 14) * MINUTE,
    "some take longer": lambda chance: chance.lognormvariate(math.log(12 * MINUTE), 0.3),
    "some take much longer": lambda chance: chance.lognormvariate(math.log(12 * MINUTE), 0.6),
    "as they come": lambda chance: chance.expovariate(1 / (15 * MINUTE)),
    "snacks and roasts": lambda chance: (
        chance.gauss(*((8, 1) if chance.random() < 0.7 else (25, 3))) * MINUTE
    ),
}
#: From a quiet evening to a promotion that brings more than the kitchen can make.
LOADS = (0.3, 0.7, 0.9, 1.1)


def minutes(instant: str) -> float:
    return (from_text(instant) - NOW) / MINUTE


@pytest.mark.parametrize("capacity", [1, 4, 12])
@pytest.mark.parametrize("preparation", PREPARATIONS)
def test_the_p90_is_right_for_nine_of_ten_orders(preparation: str, capacity: int) -> None:
    """In a backtest on simulated kitchens the p90 holds for 85 to 95 % of the orders."""
    results = [
        result
        for load in LOADS
        for result in run(SimulatedKitchen(capacity, PREPARATIONS[preparation], load), 400, seed=7)
    ]
    right = sum(result.took <= result.p90 for result in results) / len(results)
    half = sum(result.took <= result.p50 for result in results) / len(results)
    assert len(results) > 1000 and 0.85 <= right <= 0.95, right
    assert 0.38 <= half <= 0.62, half


def test_a_kitchen_without_measurements_counts_as_typical() -> None:
    """30 minutes, 50 at the p90; a full round of orders ahead adds one preparation."""
    eta = estimate(NOW, 0, 10)
    assert (minutes(eta.p50), minutes(eta.p90)) == (30, 50)
    later = estimate(NOW, 10 + 9, 10)
    assert 55 < minutes(later.p50) < 60 and minutes(later.p90) > minutes(later.p50)


def test_queue_capacity_and_measurements_all_count() -> None:
    """A longer queue, fewer places and slower preparations each make an order later."""
    ten, twenty = [10 * MINUTE] * 20, [20 * MINUTE] * 20
    assert minutes(estimate(NOW, 0, 2, ten).p50) == 10 == minutes(estimate(NOW, 1, 2, ten).p90)
    assert minutes(estimate(NOW, 6, 2, ten).p50) > minutes(estimate(NOW, 4, 2, ten).p50) > 10
    assert minutes(estimate(NOW, 6, 2, twenty).p50) > minutes(estimate(NOW, 6, 2, ten).p50)
    assert minutes(estimate(NOW, 6, 2, ten).p50) > minutes(estimate(NOW, 6, 4, ten).p50)
    assert estimate(NOW, 5, 0, [0] * 20).p50 == estimate(NOW, 5, 1, [0] * 20).p50  # nothing divides by 0


def test_the_latest_preparations_are_stored() -> None:
    """Measured from `preparing` to `out_for_delivery`; the latest MAX_PREPARATIONS are kept."""
    domain = DomainHarness().open(coxinha=None)
    for number in range(MAX_PREPARATIONS + 5):
        order = domain.place(f"k{number}", ("coxinha", 1)).answer.order
        for status, seconds in (("preparing", 0), ("out_for_delivery", 60 + number)):
            domain.advance_time(seconds)
            domain.do(AdvanceOrder("r1", order.order_id, status))
    measured = domain[KITCHENS]["r1"]
    assert measured.open_orders == 0
    assert measured.preparations == [(65 + n) * 1000 for n in range(MAX_PREPARATIONS)]
    eta = domain.place("last", ("coxinha", 1)).answer.order.eta
    assert from_text(eta.p50) - domain.now < 2 * MINUTE
