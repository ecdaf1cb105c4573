"""When an order will be ready: examples, and a backtest on simulated kitchens."""

import math
from collections.abc import Callable
from datetime import datetime
from random import Random

import pytest

from schemas.commands import AdvanceOrder
from schemas.instants import to_milliseconds
from streams.domain import kitchen
from tests.domain.kitchens import MINUTE, Kitchen, run
from tests.domain.world import NOW, World

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
    return (to_milliseconds(datetime.fromisoformat(instant)) - NOW) / MINUTE


@pytest.mark.parametrize("capacity", [1, 4, 12])
@pytest.mark.parametrize("preparation", PREPARATIONS)
def test_the_p90_is_right_for_nine_of_ten_orders(preparation: str, capacity: int) -> None:
    """Shown when: a backtest on simulated kitchens shows the p90 is right 85-95 % of the time."""
    outcomes = [
        outcome
        for load in LOADS
        for outcome in run(Kitchen(capacity, PREPARATIONS[preparation], load), 400, seed=7)
    ]
    right = sum(outcome.took <= outcome.p90 for outcome in outcomes) / len(outcomes)
    half = sum(outcome.took <= outcome.p50 for outcome in outcomes) / len(outcomes)
    assert len(outcomes) > 1000 and 0.85 <= right <= 0.95, right
    assert 0.38 <= half <= 0.62, half


def test_a_kitchen_that_was_not_measured_is_taken_for_a_typical_one() -> None:
    """Half an hour, and fifty minutes at worst; every round before it adds one."""
    eta = kitchen.eta(NOW, 0, 10)
    assert (minutes(eta.p50), minutes(eta.p90)) == (30, 50)
    later = kitchen.eta(NOW, 10 + 9, 10)
    assert 55 < minutes(later.p50) < 60 and minutes(later.p90) > minutes(later.p50)


def test_the_longer_the_queue_and_the_slower_the_kitchen_the_later_an_order() -> None:
    """Queue, capacity and measured preparations all count."""
    ten, twenty = [10 * MINUTE] * 20, [20 * MINUTE] * 20
    assert minutes(kitchen.eta(NOW, 0, 2, ten).p50) == 10 == minutes(kitchen.eta(NOW, 1, 2, ten).p90)
    assert minutes(kitchen.eta(NOW, 6, 2, ten).p50) > minutes(kitchen.eta(NOW, 4, 2, ten).p50) > 10
    assert minutes(kitchen.eta(NOW, 6, 2, twenty).p50) > minutes(kitchen.eta(NOW, 6, 2, ten).p50)
    assert minutes(kitchen.eta(NOW, 6, 2, ten).p50) > minutes(kitchen.eta(NOW, 6, 4, ten).p50)
    assert (
        kitchen.eta(NOW, 5, 0, [0] * 20).p50 == kitchen.eta(NOW, 5, 1, [0] * 20).p50
    )  # nothing divides by 0


def test_what_was_measured_is_remembered_for_the_orders_that_come() -> None:
    """From `preparing` to `out_for_delivery`, the latest forty; a cancellation measures nothing."""
    world = World().open(coxinha=None)
    for number in range(kitchen.REMEMBERED + 5):
        order = world.order(f"k{number}", ("coxinha", 1)).answer.order
        for status, seconds in (("preparing", 0), ("out_for_delivery", 60 + number)):
            world.pass_time(seconds)
            world.do(AdvanceOrder("r1", order.order_id, status))
    measured = world.tables["kitchens"]["r1"]
    assert measured.open_orders == 0
    assert measured.preparations == [(65 + n) * 1000 for n in range(kitchen.REMEMBERED)]
    eta = world.order("last", ("coxinha", 1)).answer.order.eta
    assert to_milliseconds(datetime.fromisoformat(eta.p50)) - world.now < 2 * MINUTE
