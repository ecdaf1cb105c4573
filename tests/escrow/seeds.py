"""One restaurant's buckets by seed: orders, cancellations, new portions, and a network that delays, duplicates and
reorders. `python -m tests.escrow.seeds --seeds 3000` runs many; the simulation with the real exactly-once layer,
where workers also crash between a transfer's two ends, is `python -m tests.simulation --buckets 3`.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Literal

from msgspec import Struct

from schemas.commands import CancelOrder, PromotionItem, PutRestaurant
from schemas.facts import OrderConfirmed
from schemas.money import Money
from tests.escrow import laws
from tests.escrow.harness import HOME, EscrowHarness
from tests.escrow.laws import LawViolation
from tests.support.domain.harness import NOW, menu_item, place, promotion

WhenSoldOut = Literal["sold_out", "regular_price"]
SKUS = ["x", "y"]
STEPS = 60
LIMIT = 3  # of x, for a customer
SHOWN = 5


class EscrowSeedResult(Struct):
    """The result of one seed."""

    seed: int
    law: str = ""  # the violated one
    message: str = ""
    transfers: int = 0
    confirmed: int = 0
    refused: int = 0  # and checked by RefusalCheck
    forwarded_orders: int = 0
    next_offers: int = 0  # and checked by NextOfferCheck


def opened(
    count: int, portions: int, in_promotion: bool, open_rate: int, when_sold_out: WhenSoldOut = "sold_out"
) -> EscrowHarness:
    """Return the buckets of a restaurant with two items that all of them know.

    `when_sold_out` is what the promotion says of the end of its first item; then there is a second promotion of it.
    """
    harness = EscrowHarness(count, open_rate)
    harness.decide(PutRestaurant(HOME, "Cantina", 3, 600))
    for sku in SKUS:
        harness.decide(menu_item(sku, portions))
    if in_promotion:
        first = PromotionItem("x", Money(500), portions // 2, LIMIT, when_sold_out)
        second = PromotionItem("y", Money(400), portions // 3, None)
        harness.decide(promotion(first, second, ends=NOW + 10**9))
        if when_sold_out == "regular_price":
            dearer = PromotionItem("x", Money(600), portions // 3, None, when_sold_out)
            harness.decide(promotion(dearer, id_="p2", ends=NOW + 10**9))
    harness.settle()
    return harness


def run(seed: int) -> EscrowSeedResult:
    """Run one seed, and check the laws after every step."""
    rng = random.Random(seed)
    in_promotion = rng.random() < 0.4
    says: WhenSoldOut = rng.choice(["sold_out", "regular_price"])
    harness = opened(
        rng.choice([2, 3, 4]), rng.randrange(1, 12), in_promotion, rng.choice([0, 0, 0, 20]), says
    )
    result = EscrowSeedResult(seed)
    try:
        _play(rng, harness, result, "p1" if in_promotion else None)
    except LawViolation as violation:
        result.law, result.message = violation.law, str(violation)
    result.transfers = sum(laws.transfers(harness)["out"].values())
    result.confirmed = sum(isinstance(f, OrderConfirmed) for f in harness.facts)
    result.forwarded_orders = harness.forwarded_orders
    return result


def _play(
    rng: random.Random, harness: EscrowHarness, result: EscrowSeedResult, promotion_id: str | None
) -> None:
    refusals = laws.RefusalCheck(harness, SKUS)
    offers = laws.NextOfferCheck(harness, "x", promotion_id) if promotion_id else None
    callers: list[bytes] = []
    steps = 0

    def check() -> None:
        laws.check_portions(harness, SKUS, promotion_id)
        laws.check_transfers(harness)
        if promotion_id is None:
            refusals.check()
        else:
            laws.check_limits(harness, "x", promotion_id, LIMIT)
        if offers is not None:
            offers.check()
            result.next_offers = offers.next_offers
        result.refused = refusals.refused

    while steps < STEPS or harness.in_flight:
        steps += 1
        chance = rng.random() if steps < STEPS else 0.5
        if harness.in_flight and 0.3 < chance < 0.93:
            harness.deliver(rng.randrange(len(harness.in_flight)), twice=steps < STEPS and rng.random() < 0.1)
        elif chance < 0.93:
            _order(rng, harness, [refusals, offers] if offers else [refusals], callers)
        elif chance < 0.98:
            _cancel(rng, harness)
        elif chance < 0.99:
            sku, portions = rng.choice(SKUS), rng.randrange(20)
            harness.decide(menu_item(sku, portions))
            laws.check_put(harness, sku, portions)
        else:
            harness.advance_time(rng.choice([0.2, 1.1, 130]))
        check()
    harness.settle()
    harness.advance_time(130)
    harness.settle()
    check()
    laws.check_keys(harness)
    laws.check_reservations(harness)
    laws.check_settled(harness, callers)
    laws.check_closed_buckets(harness, SKUS)


def _order(
    rng: random.Random,
    harness: EscrowHarness,
    checks: Sequence[laws.RefusalCheck | laws.NextOfferCheck],
    callers: list[bytes],
) -> None:
    harness.now += rng.randrange(1, 5)
    callers.append(b"a%d" % len(callers))
    lines = [(rng.choice(SKUS), rng.randrange(1, 4)) for _ in range(rng.choice([1, 1, 2]))]
    customer = rng.choice(["ana", "bia", "caio"])
    order = place(
        f"k{rng.randrange(40)}", *lines, customer=customer, method=rng.choice(["cash", "cash", "pix"])
    )
    for check in checks:
        check.record_order(order.order_id)
    harness.place_order(order, callers[-1])


def _cancel(rng: random.Random, harness: EscrowHarness) -> None:
    confirmed = [f for f in harness.facts if isinstance(f, OrderConfirmed)]
    if confirmed:
        order = rng.choice(confirmed)
        harness.decide(
            CancelOrder(order.restaurant_id, order.order_id, "customer", f"c{order.order_id}", "c")
        )


def main() -> int:
    """Run the seeds on all cores; exit code 0 only without a violation."""
    arguments = argparse.ArgumentParser(prog="python -m tests.escrow.seeds", description=__doc__)
    arguments.add_argument("--seeds", type=int, default=3000)
    arguments.add_argument("--first", type=int, default=0)
    options = arguments.parse_args()
    began = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(run, range(options.first, options.first + options.seeds), chunksize=20))
    broken = [o for o in results if o.law]
    print(f"{len(results)} seeds in {time.monotonic() - began:.0f} s")
    for what in ("transfers", "confirmed", "refused", "forwarded_orders", "next_offers"):
        print(f"  {sum(getattr(o, what) for o in results):>9,}  {what.replace('_', ' ')}")
    print(f"{len(broken)} seeds with violations")
    for result in broken[:SHOWN]:
        print(f"  seed {result.seed}: {result.message[:400]}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
