"""python -m tests.surge.pressure: goodput from half of the capacity to three times the capacity.

First it searches the capacity: it raises the rate until the service level breaks in two of three tries. Then it offers
shares and multiples of the capacity. Customers do not retry, so that the offered load is exactly the intended one.
One worker has two partitions by default, because each transaction has the commands of one partition.
Writes build/surge/pressure.json and pressure.svg, which the report of the window includes.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from statistics import median

import aiohttp
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from tests.e2e.stack import Stack
from tests.support import charts
from tests.support.charts import Chart
from tests.support.programs import exit_on_sigterm, fresh_stack
from tests.surge import restaurants
from tests.surge.__main__ import FOLDER
from tests.surge.figures import ORDER_P95
from tests.surge.generators import LoadGenerators
from tests.surge.histogram import merge, quantile
from tests.surge.profile import Phase, Profile
from tests.surge.report import PRESSURE_CHART

CAPACITY_MULTIPLES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)
#: Goodput at the last multiple, as a share of the peak.
MIN_GOODPUT_SHARE = 0.9
READS_PER_SECOND = 100.0
#: The search for the capacity: the first rate, the factor, the share of orders that must be decided, and the tries.
FIRST_RATE, RATE_FACTOR, MIN_DECIDED_SHARE, TRIES = 200.0, 1.25, 0.97, 3
#: Before the first measurement, because the broker's JVM compiles.
WARMUP_SECONDS, WARMUP_RATE = 60.0, 300.0
#: Seconds at the start of a step that do not count, because the admission limit adapts.
SETTLING_SECONDS = 2
START_DELAY_SECONDS = 1.5
#: Orders for which the promotions have portions.
PORTIONS_FOR_ORDERS = 1e6


class PressureStep(Struct, frozen=True):
    """The result of one rate. Rates per second, times in seconds."""

    offered: float
    goodput: float  # decided orders: 201, 402 or 409
    rejected: float
    failed: float
    p50: float  # of accepted orders
    p95: float
    late: float  # p99 of how late the load was sent
    multiple: float = 0.0  # of the capacity


MEASURED = [name for name in PressureStep.__struct_fields__ if name != "multiple"]


async def run_step(stack: Stack, folder: Path, rate: float, seconds: float, number: int) -> PressureStep:
    """Offer `rate` orders a second for this long."""
    begin_at = time.time() + START_DELAY_SECONDS
    profile = Profile([Phase("step", seconds, READS_PER_SECOND, rate)])
    generators = LoadGenerators(
        stack.url, profile, begin_at, folder, seed=number, with_retries=False, name=f"s{number}-"
    )
    await generators.run()
    orders = generators.tally.over("orders", SETTLING_SECONDS, seconds)
    reads = generators.tally.over("reads", SETTLING_SECONDS, seconds)
    measured = seconds - SETTLING_SECONDS

    def per_second(*statuses: int) -> float:
        return sum(orders.statuses.get(status, 0) for status in statuses) / measured

    rejected, decided = per_second(503, 429), per_second(201, 402, 409)
    return PressureStep(
        offered=orders.due / measured,
        goodput=decided,
        rejected=rejected,
        failed=sum(orders.statuses.values()) / measured - rejected - decided,
        p50=quantile(orders.accepted, 0.5),
        p95=quantile(orders.accepted, 0.95),
        late=quantile(merge(orders.late, reads.late), 0.99),
    )


async def measure(
    stack: Stack, folder: Path, seconds: float, rounds: int, console: Console
) -> list[PressureStep]:
    """Find the capacity, then offer multiples of it in several rounds; return the medians of each multiple."""
    async with aiohttp.ClientSession() as session:
        await restaurants.create_all(session, stack.url, PORTIONS_FOR_ORDERS)
    await run_step(stack, folder, WARMUP_RATE, WARMUP_SECONDS, 0)
    number, capacity = 1, FIRST_RATE
    for rate in (FIRST_RATE * RATE_FACTOR**n for n in count()):
        sustained: list[PressureStep] = []
        failures = 0
        while max(len(sustained), failures) <= TRIES // 2:
            step = await run_step(stack, folder, rate, seconds, number)
            number += 1
            console.print(_line(step), highlight=False)
            if step.goodput >= MIN_DECIDED_SHARE * step.offered and step.p95 <= ORDER_P95:
                sustained.append(step)
            else:
                failures += 1
        if len(sustained) <= TRIES // 2:
            break
        capacity = median(step.goodput for step in sustained)
    console.print(f"capacity: {capacity:.0f} orders/s", highlight=False)
    by_multiple: dict[float, list[PressureStep]] = {multiple: [] for multiple in CAPACITY_MULTIPLES}
    for _ in range(rounds):
        for multiple, steps in by_multiple.items():
            steps.append(await run_step(stack, folder, capacity * multiple, seconds, number))
            number += 1
            console.print(f"{multiple:4.2f}x  {_line(steps[-1])}", highlight=False)
    return [median_step(steps, multiple) for multiple, steps in by_multiple.items()]


def median_step(steps: Sequence[PressureStep], multiple: float) -> PressureStep:
    """Return the medians of several steps at one rate."""
    return PressureStep(
        multiple=multiple, **{name: median(getattr(s, name) for s in steps) for name in MEASURED}
    )


def write(steps: Sequence[PressureStep], folder: Path) -> None:
    """Write the figures and the charts."""
    (folder / "pressure.json").write_bytes(msgspec.json.format(msgspec.json.encode(steps), indent=1))
    rates = {
        "decided": [(s.multiple, s.goodput) for s in steps],
        "rejected": [(s.multiple, s.rejected) for s in steps],
        "failed": [(s.multiple, s.failed) for s in steps],
    }
    waits = {
        "p50": [(s.multiple, s.p50 * 1000) for s in steps],
        "p95": [(s.multiple, s.p95 * 1000) for s in steps],
    }
    axis = "offered, times the capacity"
    drawn = [
        Chart("Orders under pressure", "per second", rates, axis),
        Chart("Accepted orders: time from due to confirmation", "ms", waits, axis, level=ORDER_P95 * 1000),
    ]
    (folder / PRESSURE_CHART).write_text(charts.draw_stacked("Goodput under pressure", drawn))


def show(console: Console, steps: Sequence[PressureStep]) -> bool:
    """Print the table; return True if goodput and p95 at the last multiple keep their limits."""
    table = Table(title="Orders per second under pressure", title_justify="left")
    for name in (
        "offered",
        "per second",
        "decided",
        "rejected",
        "failed",
        "p50 ms",
        "p95 ms",
        "sent late ms",
    ):
        table.add_column(name, justify="right")
    for s in steps:
        row = (s.offered, s.goodput, s.rejected, s.failed, s.p50 * 1000, s.p95 * 1000, s.late * 1000)
        table.add_row(f"{s.multiple:g}x", *(f"{value:.0f}" for value in row))
    console.print(table)
    peak, last = max(step.goodput for step in steps), steps[-1]
    is_kept = last.goodput >= MIN_GOODPUT_SHARE * peak and last.p95 <= ORDER_P95
    console.print(
        f"at {last.multiple:g}x: {last.goodput / peak:.0%} of the peak, p95 {last.p95 * 1000:.0f} ms: "
        + ("kept" if is_kept else "NOT KEPT")
    )
    return is_kept


def _line(step: PressureStep) -> str:
    return (
        f"offered {step.offered:5.0f}/s  decided {step.goodput:5.0f}/s  rejected {step.rejected:5.0f}/s  "
        f"failed {step.failed:4.0f}/s  p50 {step.p50 * 1000:4.0f} ms  p95 {step.p95 * 1000:4.0f} ms  "
        f"sent late p99 {step.late * 1000:.0f} ms"
    )


def main() -> int:
    """Measure on a stack of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.surge.pressure", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="at each rate")
    parser.add_argument("--rounds", type=int, default=3, help="the medians of the rounds count")
    parser.add_argument("--streams", type=int, default=1)
    parser.add_argument("--ingress", type=int, default=1)
    parser.add_argument("--partitions", type=int, default=2)
    arguments = parser.parse_args()
    exit_on_sigterm()
    console = Console()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with fresh_stack(
        FOLDER / "stack",
        streams_processes=arguments.streams,
        ingress_processes=arguments.ingress,
        egress_processes=1,
        partitions=arguments.partitions,
        broker_quick_start=0,
    ) as stack:
        steps = asyncio.run(measure(stack, FOLDER, arguments.seconds, arguments.rounds, console))
    write(steps, FOLDER)
    return 0 if show(console, steps) else 1


if __name__ == "__main__":
    sys.exit(main())
