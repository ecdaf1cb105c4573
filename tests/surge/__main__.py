"""python -m tests.surge: a promotion's window as a load test; writes build/surge/report.html.

Exit code 0 only without a violation; whether the service levels were kept is in the table.
"""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from rich.console import Console

from tests.chaos.__main__ import started
from tests.surge import profile, report, run

FOLDER = Path("build/surge").resolve()
#: Reads and orders a second of a baseline whose window this machine holds (README, The window).
BASELINE = (100.0, 10.0)
#: Of the commands: two for each of the usual workers, since a transaction is of one and costs as much however small.
PARTITIONS = 4


def main() -> int:
    """Read the arguments, run, report."""
    parser = argparse.ArgumentParser(prog="python -m tests.surge", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="15: the whole window")
    parser.add_argument(
        "--baseline", type=_baseline, default=BASELINE, metavar="READS:ORDERS", help="a second"
    )
    parser.add_argument("--kill", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--join", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument(
        "--autoscale", action="store_true", help="let the autoscaler say who joins and leaves"
    )
    parser.add_argument("--streams", type=int, default=2)
    parser.add_argument("--ingress", type=int, default=1)
    parser.add_argument("--partitions", type=int, default=PARTITIONS, help="of the commands")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the stack is stopped
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    options = run.Options(
        profile.window(arguments.minutes, *arguments.baseline),
        arguments.seed,
        arguments.kill,
        arguments.join and not arguments.autoscale,
        arguments.autoscale,
        "python -m tests.surge " + " ".join(sys.argv[1:]),
    )
    console = Console()
    FOLDER.mkdir(parents=True, exist_ok=True)
    size = {"streams_processes": 1, "ingress_processes": 1} if arguments.autoscale else _size(arguments)
    size |= {"egress_processes": 1, "partitions": arguments.partitions, "broker_quick_start": 0}
    with started(FOLDER / "stack", **size) as stack:
        result = asyncio.run(run.window(stack, FOLDER, options, console))
    report.show(console, result)
    console.print(f"report: {report.write(result, FOLDER)}   logs: {stack.data_dir / 'logs'}", soft_wrap=True)
    return 1 if any(finding.violations for finding in result.findings.values()) else 0


def _size(arguments: argparse.Namespace) -> dict[str, int]:
    return {"streams_processes": arguments.streams, "ingress_processes": arguments.ingress}


def _baseline(text: str) -> tuple[float, float]:
    reads, _, orders = text.partition(":")
    try:
        return float(reads), float(orders)
    except ValueError:
        raise argparse.ArgumentTypeError("say reads:orders a second, for example 100:10") from None


if __name__ == "__main__":
    sys.exit(main())
