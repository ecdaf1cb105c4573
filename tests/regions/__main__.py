"""`python -m tests.regions`: one promotion in two regions, which are cut off from each other for 60 s.

Each region has a Kafka of its own. Its orders reserve portions of its own bucket; the buckets lend portions to each
other over a replicator with latency. The program prints the latency of orders before, in and after the cut, the
violations, and the portions that were left while orders were refused. Exit code 0 only without a violation, with
p95 <= 300 ms in the cut, and with at most 1 % of the portions stranded.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tests.bench.open_loop import Samples
from tests.checker import escrow, stock
from tests.checker.observations import Finding, Observations
from tests.regions.link import Replicator
from tests.regions.region import Region
from tests.support.report import table

#: Checked on the facts of both regions together.
INVARIANTS = {
    "never-oversold": stock.never_oversold,
    "stock-conserved": stock.stock_conserved,
    "stock-versions-without-gap": stock.stock_versions_without_gap,
    "all-or-nothing": stock.all_or_nothing,
    "each-transfer-once": escrow.each_transfer_once,
    "portions-conserved": escrow.portions_conserved,
}
MAX_P95_MS = 300
MAX_STRANDED_SHARE = 0.01
PHASES = ("before", "cut", "after")


async def run(options: argparse.Namespace, folder: Path) -> bool:
    """Run both regions; return True if all limits are kept."""
    regions = [
        Region(number, folder) for number in (0, 1)
    ]  # from the main thread: see tests/support/stack.py
    connected = asyncio.Event()
    connected.set()
    replicators: list[asyncio.Task[None]] = []
    try:
        for region in regions:
            await region.start()
        here, there = regions
        there.client.restaurant = here.client.restaurant
        for source, target in ((here, there), (there, here)):
            replicator = Replicator(
                source.kafka.bootstrap, target.kafka.bootstrap, options.one_way_ms / 1000, connected
            )
            replicators.append(asyncio.create_task(replicator.run()))
        await here.client.create_restaurant(options.portions)
        await asyncio.sleep(3)  # the other region receives the catalogue
        samples = await _sell(regions, connected, options)
        return await _report(regions, samples, options)
    finally:
        for task in replicators:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for region in regions:
            await region.stop()


async def _sell(
    regions: list[Region], connected: asyncio.Event, options: argparse.Namespace
) -> dict[tuple[int, str], Samples]:
    """Order by Poisson arrivals in both regions; return the samples by region and phase."""
    samples: dict[tuple[int, str], Samples] = {}
    for phase, seconds in zip(PHASES, (options.before, options.cut, options.after), strict=True):
        if phase == "cut":
            connected.clear()
        else:
            connected.set()
        await asyncio.gather(
            *(
                _order(region, rate, seconds, random.Random(f"{phase}{region.number}"))
                for region, rate in zip(regions, options.rates, strict=True)
            )
        )
        if phase == "cut":
            connected.set()
        for region in regions:
            samples[(region.number, phase)] = await region.client.collect_samples()
        print(f"{phase}: {[samples[(r.number, phase)].statuses for r in regions]}", flush=True)
    return samples


async def _order(region: Region, rate: float, seconds: float, rng: random.Random) -> None:
    began = due = time.perf_counter()
    number = 0
    while due < began + seconds:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await region.client.order(number, due)
        number += 1
        due += rng.expovariate(rate)


async def _report(
    regions: list[Region], samples: dict[tuple[int, str], Samples], options: argparse.Namespace
) -> bool:
    seen = Observations(facts=[fact for region in regions for fact in await region.facts()])
    findings: dict[str, Finding] = {name: check(seen) for name, check in INVARIANTS.items()}
    confirmed = len(seen.of("order.confirmed"))
    transfers = Counter(f.value["direction"] for f in seen.of("portions.moved"))
    rows = [
        (
            region.number + 1,
            phase,
            len(found.latencies),
            found.statuses[200],
            found.statuses[400],
            f"{found.of(200).quantile(0.5):.0f}",
            f"{found.of(200).quantile(0.95):.0f}",
        )
        for region in regions
        for phase in PHASES
        for found in (samples[(region.number, phase)],)
    ]
    columns = ("region", "phase", "orders", "confirmed", "refused", "p50 ms", "p95 ms (confirmed)")
    print(f"\n{table(columns, rows)}")
    refused = sum(s.statuses[400] for s in samples.values())
    silent = sum(s.statuses[0] for s in samples.values())
    refused_after = sum(samples[(r.number, "after")].statuses[400] for r in regions)
    left = options.portions - confirmed
    stranded = min(left, refused_after) / options.portions
    print(f"\n{confirmed} of {options.portions} portions sold, {refused} orders refused, {silent} unanswered")
    print(
        f"transfers: {transfers['out']} out, {transfers['in']} in; {100 * stranded:.2f} % stranded after the cut"
    )
    for name, finding in findings.items():
        print(
            f"  {name}: {finding.checked} checked, {len(finding.violations)} violations {finding.violations[:2]}"
        )
    worst = max(samples[(r.number, "cut")].of(200).quantile(0.95) for r in regions)
    is_sound = (
        not any(f.violations for f in findings.values()) and confirmed <= options.portions and not silent
    )
    return is_sound and worst <= MAX_P95_MS and stranded <= MAX_STRANDED_SHARE


def main() -> int:
    """Run both regions in a temporary folder."""
    arguments = argparse.ArgumentParser(prog="python -m tests.regions", description=__doc__)
    arguments.add_argument("--portions", type=int, default=2_000)
    arguments.add_argument(
        "--rates",
        type=lambda s: [float(r) for r in s.split(",")],
        default=[12.0, 18.0],
        help="orders a second of each region",
    )
    arguments.add_argument("--one-way-ms", type=float, default=35.0)
    arguments.add_argument("--before", type=float, default=15.0, help="seconds")
    arguments.add_argument("--cut", type=float, default=60.0, help="seconds")
    arguments.add_argument("--after", type=float, default=25.0, help="seconds")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return 0 if asyncio.run(run(options, Path(folder))) else 1


if __name__ == "__main__":
    sys.exit(main())
