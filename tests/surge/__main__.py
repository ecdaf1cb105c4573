"""python -m tests.surge: the window of a promotion as a load test; writes build/surge/report.html.

Exit code 0 only without a violation of an invariant; the report shows the service levels.
"""

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from rich.console import Console

from tests.support.programs import exit_on_sigterm, fresh_stack
from tests.surge import profile, report, run

FOLDER = Path("build/surge").resolve()
#: Reads and orders a second of a baseline whose window a machine with two cores holds.
BASELINE = (100.0, 10.0)
#: Of the commands. Two for each worker: a transaction has the commands of one partition, and its cost hardly depends on their number.
PARTITIONS = 4


def main() -> int:
    """Run the window, write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.surge", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="15: the whole window")
    parser.add_argument(
        "--baseline", type=_parse_baseline, default=BASELINE, metavar="READS:ORDERS", help="per second"
    )
    parser.add_argument(
        "--kill", action=argparse.BooleanOptionalAction, default=True, help="kill -9 a worker in mid-window"
    )
    parser.add_argument(
        "--join", action=argparse.BooleanOptionalAction, default=True, help="scale up and down in the window"
    )
    parser.add_argument("--autoscale", action="store_true", help="let the autoscaler scale instead of --join")
    parser.add_argument("--streams", type=int, default=2)
    parser.add_argument("--ingress", type=int, default=1)
    parser.add_argument("--partitions", type=int, default=PARTITIONS, help="of the commands")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    exit_on_sigterm()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    options = run.WindowOptions(
        profile.window(arguments.minutes, *arguments.baseline),
        arguments.seed,
        arguments.kill,
        arguments.join and not arguments.autoscale,
        arguments.autoscale,
        "python -m tests.surge " + " ".join(sys.argv[1:]),
    )
    console = Console()
    FOLDER.mkdir(parents=True, exist_ok=True)
    settings = {
        "streams_processes": 1 if arguments.autoscale else arguments.streams,
        "ingress_processes": 1 if arguments.autoscale else arguments.ingress,
        "egress_processes": 1,
        "partitions": arguments.partitions,
        "broker_quick_start": 0,
    }
    with fresh_stack(FOLDER / "stack", **settings) as stack:
        result = asyncio.run(run.run_window(stack, FOLDER, options, console))
    report.show(console, result)
    console.print(f"report: {report.write(result, FOLDER)}   logs: {stack.data_dir / 'logs'}", soft_wrap=True)
    return 1 if any(finding.violations for finding in result.findings.values()) else 0


def _parse_baseline(text: str) -> tuple[float, float]:
    reads, _, orders = text.partition(":")
    try:
        return float(reads), float(orders)
    except ValueError:
        raise argparse.ArgumentTypeError("expected READS:ORDERS per second, for example 100:10") from None


if __name__ == "__main__":
    sys.exit(main())
