"""`python -m tests.regions`: one promotion in two regions with a Kafka each, and 60 s in which they cannot reach each other.

Orders take portions of their own region's bucket; the buckets lend to each other over a replicator with
latency. Shown: how long orders take before, in and after the cut; whether anything was oversold or lost;
how many portions were left while orders were refused. Exit code 0 only without a violation, with p95 <=
300 ms in the cut on local escrow, and with at most 1 % stranded.
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

#: What must hold of both regions together.
INVARIANTS = {
    "never-oversold": stock.never_oversold,
    "stock-conserved": stock.stock_conserved,
    "stock-versions-without-gap": stock.stock_versions_without_gap,
    "all-or-nothing": stock.all_or_nothing,
    "each-transfer-once": escrow.each_transfer_once,
    "portions-conserved": escrow.portions_conserved,
}
P95_MS = 300
STRANDED = 0.01
PHASES = ("before", "cut", "after")


async def run(options: argparse.Namespace, folder: Path) -> bool:
    """Run it; return whether all is well."""
    regions = [
        Region(number, folder) for number in (0, 1)
    ]  # from the main thread: see tests/support/stack.py
    whole = asyncio.Event()
    whole.set()
    replicators: list[asyncio.Task[None]] = []
    try:
        for region in regions:
            await region.start()
        here, there = regions
        there.shop.restaurant = here.shop.restaurant
        for source, target in ((here, there), (there, here)):
            replicator = Replicator(
                source.kafka.bootstrap, target.kafka.bootstrap, options.one_way_ms / 1000, whole
            )
            replicators.append(asyncio.create_task(replicator.run()))
        await here.shop.put(options.portions)
        await asyncio.sleep(3)  # the other region hears of the menu
        samples = await _sell(regions, whole, options)
        return await _report(regions, samples, options)
    finally:
        for task in replicators:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for region in regions:
            await region.stop()


async def _sell(
    regions: list[Region], whole: asyncio.Event, options: argparse.Namespace
) -> dict[tuple[int, str], Samples]:
    """Order by Poisson arrivals in both regions; return what came of it by region and phase."""
    samples: dict[tuple[int, str], Samples] = {}
    for phase, seconds in zip(PHASES, (options.before, options.cut, options.after), strict=True):
        if phase == "cut":
            whole.clear()
        else:
            whole.set()
        await asyncio.gather(
            *(
                _order(region, rate, seconds, random.Random(f"{phase}{region.number}"))
                for region, rate in zip(regions, options.rates, strict=True)
            )
        )
        if phase == "cut":
            whole.set()
        for region in regions:
            samples[(region.number, phase)] = await region.shop.answered()
        print(f"{phase}: {[samples[(r.number, phase)].statuses for r in regions]}", flush=True)
    return samples


async def _order(region: Region, rate: float, seconds: float, chance: random.Random) -> None:
    began = due = time.perf_counter()
    number = 0
    while due < began + seconds:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await region.shop.ask(number, due)
        number += 1
        due += chance.expovariate(rate)


async def _report(
    regions: list[Region], samples: dict[tuple[int, str], Samples], options: argparse.Namespace
) -> bool:
    seen = Observations(facts=[fact for region in regions for fact in await region.facts()])
    findings: dict[str, Finding] = {name: check(seen) for name, check in INVARIANTS.items()}
    confirmed = len(seen.of("order.confirmed"))
    transfers = Counter(f.value["direction"] for f in seen.of("portions.moved"))
    print(
        "\n| region | phase | orders | confirmed | refused | p50 ms | p95 ms (confirmed) |\n|---|---|---|---|---|---|---|"
    )
    for region in regions:
        for phase in PHASES:
            found = samples[(region.number, phase)]
            print(
                f"| {region.number + 1} | {phase} | {len(found.latencies)} | {found.statuses[200]} "
                f"| {found.statuses[400]} | {found.of(200).quantile(0.5):.0f} | {found.of(200).quantile(0.95):.0f} |"
            )
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
            f"  {name}: {finding.checked} looked at, {len(finding.violations)} violations {finding.violations[:2]}"
        )
    worst = max(samples[(r.number, "cut")].of(200).quantile(0.95) for r in regions)
    well = not any(f.violations for f in findings.values()) and confirmed <= options.portions and not silent
    return well and worst <= P95_MS and stranded <= STRANDED


def main() -> int:
    """Start, run, report."""
    arguments = argparse.ArgumentParser(prog="python -m tests.regions", description=__doc__)
    arguments.add_argument("--portions", type=int, default=2_000)
    arguments.add_argument("--rates", type=lambda s: [float(r) for r in s.split(",")], default=[12.0, 18.0])
    arguments.add_argument("--one-way-ms", type=float, default=35.0)
    arguments.add_argument("--before", type=float, default=15.0, help="seconds")
    arguments.add_argument("--cut", type=float, default=60.0, help="seconds")
    arguments.add_argument("--after", type=float, default=25.0, help="seconds")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return 0 if asyncio.run(run(options, Path(folder))) else 1


if __name__ == "__main__":
    sys.exit(main())
