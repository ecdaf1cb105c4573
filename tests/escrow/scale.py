"""`python -m tests.escrow.scale`: escrow at 10,000 restaurants, 100 partitions and 5 regions, calculated and simulated.

Prints tables. Writes build/escrow/regions.svg: stranded portions and refused orders over time, with a cut of one region.
"""

import argparse
import random
from collections import Counter
from pathlib import Path

from msgspec import Struct

from tests.escrow.partition_load import calculate_load
from tests.escrow.timed_harness import (
    COMMIT_MS,
    EXCHANGE_MS,
    ORDER_MS,
    Cut,
    Link,
    TimedEscrowHarness,
    TimedOrder,
)
from tests.support import charts
from tests.support.charts import Chart, Marks
from tests.support.domain.harness import place
from tests.support.report import table, table_head, table_row
from tests.support.statistics import quantile

FOLDER = Path(__file__).parents[2] / "build" / "escrow"

# --- five regions, one of them cut off

#: Milliseconds one way between regions, as between data centres of one continent; the home is the first.
DISTANCE_MS = 35.0
DEMAND = (0.40, 0.25, 0.15, 0.12, 0.08)  # of the orders, by region
SKEWED = (0.08, 0.12, 0.15, 0.25, 0.40)


class RegionsRun(Struct):
    """The result of one run; each list has values over time, in seconds."""

    name: str
    harness: TimedEscrowHarness
    cut: Cut | None
    portions: int
    refused: list[tuple[float, float]]
    stranded: list[tuple[float, float]]
    free: dict[str, list[tuple[float, float]]]

    def answers(self) -> list[TimedOrder]:
        return list(self.harness.orders_seen.values())


def simulate_regions(
    name: str,
    demand: tuple[float, ...],
    rate: float,
    portions: int,
    cut: Cut | None,
    seconds: float = 160.0,
    until: float = 130.0,
    seed: int = 1,
) -> RegionsRun:
    """Sell portions in regions by Poisson arrivals until `until`; orders that wait have the rest of the time."""
    rng = random.Random(seed)
    harness = TimedEscrowHarness(len(demand), portions, lambda a, b: Link(DISTANCE_MS), cut)
    due, n = 1.0, 0
    while due < until:
        number = rng.choices(range(len(demand)), demand)[0]
        harness.order_at(due, number, place(f"k{n}", ("x", 1)), b"%d" % n)
        due += rng.expovariate(rate)
        n += 1
    run = RegionsRun(name, harness, cut, portions, [], [], {})

    def observe(at: float) -> None:
        free = {b: harness.free(b, "x") for b in harness.buckets}
        for number, bucket in enumerate(harness.buckets):
            run.free.setdefault(f"region {number + 1}", []).append((at, free[bucket]))
        lately = [
            a
            for a in harness.orders_seen.values()
            if a.outcome == "out_of_stock" and at - 1 < a.answered <= at
        ]
        run.refused.append((at, len(lately)))
        run.stranded.append((at, max((min(a.elsewhere, len(lately)) for a in lately), default=0)))

    harness.run(seconds, 1.0, observe)
    return run


def regions_row(run: RegionsRun) -> str:
    """Return a row: sales and latencies in the cut and outside, and the portions left at the end."""
    answers = run.answers()
    sold = [a for a in answers if a.outcome == "confirmed"]
    refused = [a for a in answers if a.outcome == "out_of_stock"]
    silent = len(answers) - len(sold) - len(refused)
    inside = [a for a in sold if run.cut and run.cut.begin <= a.arrived < run.cut.end]
    cut_off = [a for a in inside if run.cut and a.bucket in run.cut.numbers]
    free = sum(run.harness.free(b, "x") for b in run.harness.buckets) + run.harness.portions_in_flight("x")
    unserved = [a for a in refused if a.elsewhere > 0]
    left = min(free, len(refused))
    oversold = max(0, len(sold) - run.portions)
    took, took_inside = [a.took_ms for a in sold], [a.took_ms for a in inside]
    return table_row(
        [
            run.name,
            f"{len(answers):,}",
            f"{len(sold):,}",
            " / ".join(f"{quantile(took, share):.0f}" for share in (0.5, 0.95, 0.99)),
            f"{quantile(took_inside, 0.95):.0f} / {quantile([a.took_ms for a in cut_off], 0.95):.0f}",
            f"{len(unserved):,}",
            f"{100 * left / run.portions:.2f} %",
            oversold,
            silent,
            f"{run.harness.commands['exchange'] / max(1, len(answers)):.3f}",
        ]
    )


REGIONS_HEAD = table_head(
    (
        "run",
        "orders",
        "sold",
        "p50 / p95 / p99 ms",
        "p95 ms in the cut: all / cut off",
        "refused with portions elsewhere",
        "stranded at the end",
        "oversold",
        "unanswered",
        "commands between regions per order",
    )
)


def simulate_exchange(count: int, seconds: float = 20.0, rate: float = 400.0) -> tuple[float, float, int]:
    """Simulate a hot restaurant in one cluster that sells out.

    Return the commands between buckets per order while there are portions and afterwards, and the number of orders
    that were refused with portions elsewhere.
    """
    rng = random.Random(2)
    portions = int(rate * seconds * 0.6)
    harness = TimedEscrowHarness(count, portions, lambda a, b: Link(1.0))
    due, n = 0.5, 0
    while due < seconds:
        harness.order_at(due, rng.randrange(count), place(f"k{n}", ("x", 1)), b"%d" % n)
        due += rng.expovariate(rate)
        n += 1
    marks: Counter[str] = Counter()

    def observe(at: float) -> None:
        if sum(harness.free(b, "x") for b in harness.buckets) > 0:
            marks["orders"], marks["exchange"] = len(harness.orders_seen), harness.commands["exchange"]

    harness.run(seconds + 5, 0.1, observe)
    orders = len(harness.orders_seen)
    before = marks["exchange"] / max(1, marks["orders"])
    afterwards = (harness.commands["exchange"] - marks["exchange"]) / max(1, orders - marks["orders"])
    wrong = sum(a.outcome == "out_of_stock" and a.elsewhere > 0 for a in harness.orders_seen.values())
    return before, afterwards, wrong


def main() -> None:
    """Simulate, print the tables, write the chart."""
    arguments = argparse.ArgumentParser(prog="python -m tests.escrow.scale", description=__doc__)
    arguments.add_argument(
        "--rate", type=float, default=150.0, help="orders a second of the promotion in all regions"
    )
    arguments.add_argument(
        "--orders", type=float, default=30_000.0, help="orders a second of all restaurants"
    )
    options = arguments.parse_args()
    print(
        f"a writer: {ORDER_MS} ms an order, {EXCHANGE_MS} ms a command between buckets, {COMMIT_MS} ms to a commit\n"
    )
    print(
        table_head(
            (
                "buckets",
                "commands between them per order",
                "when sold out",
                "refused with portions elsewhere",
            )
        )
    )
    per_order = {1: 0.0}
    for count in (2, 4, 8):
        before, afterwards, wrong = simulate_exchange(count)
        per_order[count] = before
        print(table_row((count, f"{before:.3f}", f"{afterwards:.2f}", wrong)), flush=True)
    print(f"\n10,000 restaurants (Zipf), {options.orders:,.0f} orders/s:\n")
    rows = []
    for partitions in (50, 100, 200):
        for count in (1, 2, 4, 8):
            found = calculate_load(10_000, partitions, options.orders, count, 200, per_order[count])
            rows.append(
                (
                    partitions,
                    count,
                    f"{100 * found.busiest:.0f} %",
                    f"{100 * found.mean:.0f} %",
                    f"{found.commands:,.0f}",
                    f"{found.changelog:.2f}",
                )
            )
    columns = (
        "partitions",
        "buckets",
        "busiest partition",
        "mean",
        "commands/s",
        "rows for forwarded orders, per order",
    )
    print(table(columns, rows))
    print(
        f"\n5 regions, {DISTANCE_MS:.0f} ms one way, {options.rate:g} orders/s for 130 s:\n\n{REGIONS_HEAD}",
        flush=True,
    )
    cut = Cut(30, 90, frozenset({4}))
    enough, scarce = int(options.rate * 160), int(options.rate * 100)
    runs = [
        simulate_regions("enough for all", DEMAND, options.rate, enough, None),
        simulate_regions("sells out", DEMAND, options.rate, scarce, None),
        simulate_regions("sells out, region 5 cut 30-90 s", DEMAND, options.rate, scarce, cut),
        simulate_regions("same, most demand in region 5", SKEWED, options.rate, scarce, cut),
    ]
    for run in runs:
        print(regions_row(run), flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    worst = runs[3]
    marks = Marks([(cut.begin, cut.end)], [(cut.begin, "cut")])
    svg = charts.draw_stacked(
        "Five regions, most demand in region 5, which is cut off for 60 s",
        [
            Chart("Free portions by region", "portions", worst.free, marks=marks),
            Chart(
                "Orders refused, and portions free elsewhere at that time",
                "per second",
                {"refused": worst.refused, "stranded": worst.stranded},
                marks=marks,
            ),
        ],
    )
    (FOLDER / "regions.svg").write_text(svg)
    print(f"\n{FOLDER / 'regions.svg'}")


if __name__ == "__main__":
    main()
