"""python -m tests.simulation --seeds 10000: many seeds on all cores; exit code 0 only without a violation."""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from msgspec import Struct, field

from tests import ledger
from tests.ledger import LedgerRow
from tests.simulation.run import COMMANDS, SeedResult, simulate

MAX_REPLAYED = 100
PROGRESS_INTERVAL_SECONDS = 5.0
MAX_SHOWN = 5


class Summary(Struct):
    """The results of all seeds."""

    seeds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    broken: dict[int, dict[str, list[str]]] = field(default_factory=dict)  # by seed
    traces: dict[int, str] = field(default_factory=dict)  # of the first seeds

    def add(self, result: SeedResult) -> None:
        """Count one seed."""
        self.seeds += 1
        self.faults += result.faults
        self.checked.update({name: finding.checked for name, finding in result.findings.items()})
        if result.violations:
            self.broken[result.seed] = result.violations
        if len(self.traces) < MAX_REPLAYED:
            self.traces[result.seed] = result.trace


def main() -> int:
    """Run the seeds, replay some, report."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument(
        "--buckets", type=int, default=1, help="of each restaurant (DECISIONS.md, stock-escrow)"
    )
    parser.add_argument("--open-rate", type=int, default=0, help="orders a second from which a bucket opens")
    arguments = parser.parse_args()
    if arguments.seeds < 1:
        parser.error("--seeds must be at least 1")
    summary = Summary()
    one = partial(simulate, buckets=arguments.buckets, open_rate=arguments.open_rate)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        seeds = range(arguments.first, arguments.first + arguments.seeds)
        for result in _with_progress(pool.map(one, seeds, chunksize=5), arguments.seeds):
            summary.add(result)
        again = pool.map(one, summary.traces, chunksize=5)
        differing = [result.seed for result in again if result.trace != summary.traces[result.seed]]
    _print(summary, differing)
    last = arguments.first + arguments.seeds - 1
    ledger.append(
        LedgerRow(
            f"simulation, seeds {arguments.first} to {last}",
            summary.seeds,
            0,
            summary.faults.total(),
            summary.seeds * COMMANDS,
            len(summary.broken),
        )
    )
    return 1 if summary.broken or differing else 0


def _with_progress(results: Iterable[SeedResult], seeds: int) -> Iterator[SeedResult]:
    """Yield the results, and print a line of progress every few seconds."""
    began = printed = time.monotonic()
    broken = 0
    for done, result in enumerate(results, start=1):
        broken += bool(result.violations)
        if time.monotonic() > printed + PROGRESS_INTERVAL_SECONDS:
            printed = time.monotonic()
            left = (printed - began) / done * (seeds - done)
            print(f"{done} of {seeds} seeds, {broken} with violations, {left:.0f} s to go", flush=True)
        yield result


def _print(summary: Summary, differing: list[int]) -> None:
    print(f"\n{summary.seeds} seeds, {summary.faults.total()} faults")
    for kind, count in sorted(summary.faults.items(), key=lambda item: -item[1]):
        print(f"  {count:>10}  {kind}")
    print("\nobservations per invariant")
    for name, count in summary.checked.items():
        print(f"  {count:>10}  {name}")
    print(f"\n{len(summary.traces) - len(differing)} of {len(summary.traces)} replayed traces are the same")
    for seed in differing:
        print(f"  seed {seed}: another trace")
    print(f"{len(summary.broken)} seeds with violations")
    for seed, broken in list(summary.broken.items())[:MAX_SHOWN]:
        for name, messages in broken.items():
            print(f"  seed {seed}: {name}: {messages[0]}")


if __name__ == "__main__":
    sys.exit(main())
