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

from tests.simulation.run import Outcome, simulate

REPLAYED = 100
PROGRESS_SECONDS = 5.0
SHOWN = 5


class Summary(Struct):
    """What came of all seeds."""

    seeds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    broken: dict[int, dict[str, list[str]]] = field(default_factory=dict)  # by seed
    traces: dict[int, str] = field(default_factory=dict)  # of the first ones

    def add(self, outcome: Outcome) -> None:
        """Count one seed."""
        self.seeds += 1
        self.faults += outcome.faults
        self.checked.update({name: finding.checked for name, finding in outcome.findings.items()})
        if outcome.violations:
            self.broken[outcome.seed] = outcome.violations
        if len(self.traces) < REPLAYED:
            self.traces[outcome.seed] = outcome.trace


def main() -> int:
    """Run the seeds, replay some, report."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--buckets", type=int, default=1, help="of each restaurant (README, Stock escrow)")
    parser.add_argument("--open-rate", type=int, default=0, help="orders a second from which a bucket opens")
    arguments = parser.parse_args()
    summary = Summary()
    one = partial(simulate, buckets=arguments.buckets, open_rate=arguments.open_rate)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        seeds = range(arguments.first, arguments.first + arguments.seeds)
        for outcome in _told(pool.map(one, seeds, chunksize=5), arguments.seeds):
            summary.add(outcome)
        again = pool.map(one, summary.traces, chunksize=5)
        differing = [outcome.seed for outcome in again if outcome.trace != summary.traces[outcome.seed]]
    _print(summary, differing)
    return 1 if summary.broken or differing else 0


def _told(outcomes: Iterable[Outcome], seeds: int) -> Iterator[Outcome]:
    """Pass outcomes on, with a line of progress now and then."""
    began = told = time.monotonic()
    broken = 0
    for done, outcome in enumerate(outcomes, start=1):
        broken += bool(outcome.violations)
        if time.monotonic() > told + PROGRESS_SECONDS:
            told = time.monotonic()
            left = (told - began) / done * (seeds - done)
            print(f"{done} of {seeds} seeds, {broken} with violations, {left:.0f} s to go", flush=True)
        yield outcome


def _print(summary: Summary, differing: list[int]) -> None:
    print(f"\n{summary.seeds} seeds, {summary.faults.total()} faults")
    for kind, count in summary.faults.most_common():
        print(f"  {count:>10}  {kind}")
    print("\nobservations per invariant")
    for name, count in summary.checked.items():
        print(f"  {count:>10}  {name}")
    print(f"\n{len(summary.traces) - len(differing)} of {len(summary.traces)} replayed traces are the same")
    for seed in differing:
        print(f"  seed {seed}: another trace")
    print(f"{len(summary.broken)} seeds with violations")
    for seed, broken in list(summary.broken.items())[:SHOWN]:
        for name, messages in broken.items():
            print(f"  seed {seed}: {name}: {messages[0]}")


if __name__ == "__main__":
    sys.exit(main())
