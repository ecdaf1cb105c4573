"""python -m tests.surge.pressure: goodput from half of what can be decided to three times as much.

Customers do not insist here, so that what is offered is what was meant; none are answered twice. What can be decided is
looked for first: the rate is raised until the service level breaks, in two of three tries, since one may be good or bad
luck. One worker gets two partitions by default: a transaction is of one partition, and each costs the broker as much
however small. Writes build/surge/pressure.json and pressure.svg, which the report of the window shows.
"""

import argparse
import asyncio
import signal
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

from tests.chaos.__main__ import started
from tests.e2e.stack import Stack
from tests.surge import charts, shop
from tests.surge.__main__ import FOLDER
from tests.surge.crowd import Crowd
from tests.surge.figures import ORDER_P95
from tests.surge.histogram import merged, quantile
from tests.surge.profile import Phase, Profile
from tests.surge.report import CURVE

SHARES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)
#: At 3x, of the peak.
GOODPUT = 0.9
#: Menus a second beside the orders.
READS = 100.0
#: The search: from this rate, by this factor, while this share of the orders is answered well, in most of so many tries.
FIRST_RATE, FACTOR, WELL, TRIES = 200.0, 1.25, 0.97, 3
#: Before anything is measured: the broker's code is compiled meanwhile.
WARMING_UP, WARM_RATE = 60.0, 300.0
#: Seconds at the begin of a step that do not count: the bound finds its place.
SETTLING = 2
AHEAD_SECONDS = 1.5
MANY = 1e6  # orders that portions are there for


class Step(Struct, frozen=True):
    """One rate, and what came of it. Rates a second, times in seconds."""

    offered: float
    goodput: float  # decided, by 201 or 409, within the service level or not
    turned_away: float
    failed: float
    p50: float  # of accepted orders
    p95: float
    late: float  # p99 of how late the load was sent
    share: float = 0.0  # of the capacity


MEASURED = [name for name in Step.__struct_fields__ if name != "share"]


async def step(stack: Stack, folder: Path, rate: float, seconds: float, number: int) -> Step:
    """Offer so many orders a second for so long."""
    begin_at = time.time() + AHEAD_SECONDS
    profile = Profile([Phase("step", seconds, READS, rate)])
    crowd = Crowd(stack.url, profile, begin_at, folder, seed=number, insist=False, name=f"s{number}-")
    await crowd.run()
    orders = crowd.tally.over("orders", SETTLING, seconds)
    reads = crowd.tally.over("reads", SETTLING, seconds)
    measured = seconds - SETTLING

    def a_second(*statuses: int) -> float:
        return sum(orders.statuses.get(status, 0) for status in statuses) / measured

    away, well = a_second(503, 429), a_second(201, 402, 409)
    return Step(
        offered=orders.due / measured,
        goodput=well,
        turned_away=away,
        failed=sum(orders.statuses.values()) / measured - away - well,
        p50=quantile(orders.accepted, 0.5),
        p95=quantile(orders.accepted, 0.95),
        late=quantile(merged(orders.late, reads.late), 0.99),
    )


async def measure(stack: Stack, folder: Path, seconds: float, rounds: int, console: Console) -> list[Step]:
    """Find the capacity, then offer shares and multiples of it, round after round; medians count."""
    async with aiohttp.ClientSession() as session:
        await shop.open_all(session, stack.url, MANY)
    await step(stack, folder, WARM_RATE, WARMING_UP, 0)
    number, capacity = 1, FIRST_RATE
    for rate in (FIRST_RATE * FACTOR**n for n in count()):
        held: list[Step] = []
        failures = 0
        while max(len(held), failures) <= TRIES // 2:
            found = await step(stack, folder, rate, seconds, number)
            number += 1
            console.print(_line(found), highlight=False)
            if found.goodput >= WELL * found.offered and found.p95 <= ORDER_P95:
                held.append(found)
            else:
                failures += 1
        if len(held) <= TRIES // 2:
            break
        capacity = median(one.goodput for one in held)
    console.print(f"capacity: {capacity:.0f} orders/s", highlight=False)
    found_at: dict[float, list[Step]] = {share: [] for share in SHARES}
    for _ in range(rounds):
        for share, steps in found_at.items():
            steps.append(await step(stack, folder, capacity * share, seconds, number))
            number += 1
            console.print(f"{share:4.2f}x  {_line(steps[-1])}", highlight=False)
    return [middle(steps, share) for share, steps in found_at.items()]


def middle(steps: Sequence[Step], share: float) -> Step:
    """Return the medians of several steps at one rate."""
    return Step(share=share, **{name: median(getattr(s, name) for s in steps) for name in MEASURED})


def write(steps: Sequence[Step], folder: Path) -> None:
    """Write the figures and the curve."""
    (folder / "pressure.json").write_bytes(msgspec.json.format(msgspec.json.encode(steps), indent=1))
    rates = {
        "decided": [(s.share, s.goodput) for s in steps],
        "turned away": [(s.share, s.turned_away) for s in steps],
        "failed": [(s.share, s.failed) for s in steps],
    }
    waits = {
        "p50": [(s.share, s.p50 * 1000) for s in steps],
        "p95": [(s.share, s.p95 * 1000) for s in steps],
    }
    drawn = [
        charts.line_chart(
            "Orders under pressure", "per second", rates, axis="offered, times the capacity", at=(0, 0)
        ),
        charts.line_chart(
            "Accepted orders: time from due to confirmation",
            "ms",
            waits,
            axis="offered, times the capacity",
            level=ORDER_P95 * 1000,
            at=(0, charts.HEIGHT + 12),
        ),
    ]
    (folder / CURVE).write_text(charts.stacked(drawn, "Goodput under pressure"))


def show(console: Console, steps: Sequence[Step]) -> bool:
    """Print the table; say whether what was promised was kept."""
    table = Table(title="Orders a second under pressure", title_justify="left")
    for name in (
        "offered",
        "a second",
        "decided",
        "turned away",
        "failed",
        "p50 ms",
        "p95 ms",
        "sent late ms",
    ):
        table.add_column(name, justify="right")
    for one in steps:
        row = (one.offered, one.goodput, one.turned_away, one.failed, one.p50 * 1000, one.p95 * 1000, one.late * 1000)  # fmt: skip
        table.add_row(f"{one.share:g}x", *(f"{value:.0f}" for value in row))
    console.print(table)
    peak, last = max(one.goodput for one in steps), steps[-1]
    kept = last.goodput >= GOODPUT * peak and last.p95 <= ORDER_P95
    console.print(
        f"at {last.share:g}x: {last.goodput / peak:.0%} of the peak, p95 {last.p95 * 1000:.0f} ms: "
        + ("kept" if kept else "NOT KEPT")
    )
    return kept


def _line(found: Step) -> str:
    return (
        f"offered {found.offered:5.0f}/s  decided {found.goodput:5.0f}/s  turned away {found.turned_away:5.0f}/s  "
        f"failed {found.failed:4.0f}/s  p50 {found.p50 * 1000:4.0f} ms  p95 {found.p95 * 1000:4.0f} ms  "
        f"sent late p99 {found.late * 1000:.0f} ms"
    )


def main() -> int:
    """Measure on a stack of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.surge.pressure", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="for each rate")
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians count")
    parser.add_argument("--streams", type=int, default=1)
    parser.add_argument("--ingress", type=int, default=1)
    parser.add_argument("--partitions", type=int, default=2)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the stack is stopped
    console = Console()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with started(
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
