"""python -m tests.chaos: run a campaign, write build/chaos/report.md; exit code 0 only without a violation."""

import argparse
import asyncio
import logging
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compose import file_locks
from compose.supervisor.stack_state import StackDir
from tests.chaos import campaign, report
from tests.chaos.comparison import run as comparison
from tests.chaos.faults import named
from tests.chaos.world import PROCESSES, RESERVATION_SECONDS
from tests.e2e.stack import Stack

FOLDER = Path("build/chaos").resolve()


def main() -> int:
    """Read the arguments, run, report."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--faults", type=named, default="all", help="all, or names with commas between")
    parser.add_argument("--rate", type=float, default=40.0, help="orders a second")
    parser.add_argument("--buckets", type=int, default=1, help="of each restaurant (README, Stock escrow)")
    parser.add_argument(
        "--comparison", action="store_true", help="the same counter under Faust's own mode, too"
    )
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the stack is stopped
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what our own clients meet is meant
    options = campaign.Options(
        arguments.minutes, arguments.seed, arguments.faults, arguments.rate, arguments.buckets
    )
    split = {"escrow_buckets": arguments.buckets, "escrow_open_orders_per_second": 0}
    with started(FOLDER / "stack", **PROCESSES, **split) as stack:
        result = asyncio.run(campaign.run(stack, options))
    report.write_history(result, FOLDER)
    summed = report.summary(result)
    if arguments.comparison:
        summed["comparison"] = comparison.run(FOLDER / "comparison", arguments.seed)
    written = report.write(summed, FOLDER)
    print(written.read_text())
    print(f"report: {written}   logs: {stack.data_dir / 'logs'}")
    return 1 if summed["violations"] else 0


@contextmanager
def started(folder: Path, **size: int) -> Iterator[Stack]:
    """A fresh stack in this folder, stopped at the end whatever happens; ends the program where another works in it."""
    if file_locks.is_locked(StackDir(folder).lock):
        sys.exit(f"another stack works in {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    stack = Stack(folder, reservation_seconds=RESERVATION_SECONDS, **size)
    try:
        yield stack
    finally:
        stack.compose("down")


if __name__ == "__main__":
    sys.exit(main())
