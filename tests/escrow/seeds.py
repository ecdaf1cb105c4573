"""A day of one restaurant's buckets by seed: orders, cancellations, new portions, and a network that delays, doubles
and reorders. `python -m tests.escrow.seeds --seeds 3000` runs many; the simulation with the real exactly-once layer,
where workers also crash between a transfer's two ends, is `python -m tests.simulation --buckets 3`.
"""

import argparse
import os
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from msgspec import Struct

from schemas.commands import CancelOrder, PromotionItem, PutRestaurant
from schemas.facts import OrderConfirmed
from schemas.money import Money
from tests.domain.world import NOW, menu_item, place, promotion
from tests.escrow import laws
from tests.escrow.laws import Broken
from tests.escrow.town import HOME, Town

SKUS = ["x", "y"]
STEPS = 60
LIMIT = 3  # of x, for a customer
SHOWN = 5


class Outcome(Struct):
    """What came of one seed."""

    seed: int
    law: str = ""  # the one that was broken
    message: str = ""
    transfers: int = 0
    confirmed: int = 0
    refused: int = 0  # judged: what they wanted did not lie elsewhere
    passed_on: int = 0


def opened(count: int, portions: int, in_promotion: bool, open_rate: int) -> Town:
    """Return a restaurant with two items that all of its buckets know."""
    town = Town(count, open_rate)
    town.tell(PutRestaurant(HOME, "Cantina", 3, 600))
    for sku in SKUS:
        town.tell(menu_item(sku, portions))
    if in_promotion:
        first = PromotionItem("x", Money(500), portions // 2, LIMIT)
        second = PromotionItem("y", Money(400), portions // 3, None)
        town.tell(promotion(first, second, ends=NOW + 10**9))
    town.settle()
    return town


def run(seed: int) -> Outcome:
    """Run one seed and look at the laws after every step."""
    rng = random.Random(seed)
    in_promotion = rng.random() < 0.3
    town = opened(rng.choice([2, 3, 4]), rng.randrange(1, 12), in_promotion, rng.choice([0, 0, 0, 20]))
    outcome = Outcome(seed)
    try:
        _play(rng, town, outcome, "p1" if in_promotion else None)
    except Broken as broken:
        outcome.law, outcome.message = broken.law, str(broken)
    outcome.transfers = sum(laws.transfers(town)["out"].values())
    outcome.confirmed = sum(isinstance(f, OrderConfirmed) for f in town.facts)
    outcome.passed_on = town.passed_on
    return outcome


def _play(rng: random.Random, town: Town, outcome: Outcome, promotion_id: str | None) -> None:
    lows = laws.Lows(town, SKUS)
    askers: list[bytes] = []
    steps = 0

    def look() -> None:
        laws.at_every_moment(town, SKUS, promotion_id)
        laws.transfers_count_once(town)
        if promotion_id is None:
            lows.look()
        else:
            laws.limits_hold(town, "x", promotion_id, LIMIT)
        outcome.refused = lows.refused

    while steps < STEPS or town.under_way:
        steps += 1
        chance = rng.random() if steps < STEPS else 0.5
        if town.under_way and 0.3 < chance < 0.93:
            town.deliver(rng.randrange(len(town.under_way)), twice=steps < STEPS and rng.random() < 0.1)
        elif chance < 0.93:
            _order(rng, town, lows, askers)
        elif chance < 0.98:
            _cancel(rng, town)
        elif chance < 0.99:
            sku, portions = rng.choice(SKUS), rng.randrange(20)
            town.tell(menu_item(sku, portions))
            laws.what_is_put_is_the_whole(town, sku, portions)
        else:
            town.pass_time(rng.choice([0.2, 1.1, 130]))
        look()
    town.settle()
    town.pass_time(130)
    town.settle()
    look()
    laws.one_order_per_key(town)
    laws.after_quiet(town, askers)
    laws.closed_buckets_are_empty(town, SKUS)


def _order(rng: random.Random, town: Town, lows: laws.Lows, askers: list[bytes]) -> None:
    town.now += rng.randrange(1, 5)
    askers.append(b"a%d" % len(askers))
    lines = [(rng.choice(SKUS), rng.randrange(1, 4)) for _ in range(rng.choice([1, 1, 2]))]
    customer = rng.choice(["ana", "bia", "caio"])
    order = place(
        f"k{rng.randrange(40)}", *lines, customer=customer, method=rng.choice(["cash", "cash", "pix"])
    )
    lows.asked(order.order_id)
    town.ask_for(order, askers[-1])


def _cancel(rng: random.Random, town: Town) -> None:
    confirmed = [f for f in town.facts if isinstance(f, OrderConfirmed)]
    if confirmed:
        order = rng.choice(confirmed)
        town.tell(CancelOrder(order.restaurant_id, order.order_id, "customer", f"c{order.order_id}", "c"))


def main() -> int:
    """Run the seeds on all cores; exit code 0 only without a violation."""
    arguments = argparse.ArgumentParser(prog="python -m tests.escrow.seeds", description=__doc__)
    arguments.add_argument("--seeds", type=int, default=3000)
    arguments.add_argument("--first", type=int, default=0)
    options = arguments.parse_args()
    began = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        outcomes = list(pool.map(run, range(options.first, options.first + options.seeds), chunksize=20))
    broken = [o for o in outcomes if o.law]
    print(f"{len(outcomes)} seeds in {time.monotonic() - began:.0f} s")
    for what in ("transfers", "confirmed", "refused", "passed_on"):
        print(f"  {sum(getattr(o, what) for o in outcomes):>9,}  {what.replace('_', ' ')}")
    print(f"{len(broken)} seeds with violations")
    for outcome in broken[:SHOWN]:
        print(f"  seed {outcome.seed}: {outcome.message[:400]}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
