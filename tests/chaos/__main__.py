"""python -m tests.chaos: run a fault campaign and write build/chaos/report.md; exit code 0 only without a violation."""

import argparse
import asyncio
import logging
import random
import sys
from pathlib import Path

from tests import ledger
from tests.chaos import campaign, report
from tests.chaos.comparison import run as comparison
from tests.chaos.faults import parse_names
from tests.chaos.stack_under_test import SETTINGS
from tests.ledger import LedgerRow
from tests.support.programs import exit_on_sigterm, fresh_stack

FOLDER = Path("build/chaos").resolve()


def main() -> int:
    """Run the campaign, write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--faults", type=parse_names, default="all", help="all, or names separated by commas")
    parser.add_argument("--rate", type=float, default=40.0, help="orders a second")
    parser.add_argument(
        "--buckets", type=int, default=1, help="of each restaurant (DECISIONS.md, stock-escrow)"
    )
    parser.add_argument(
        "--comparison", action="store_true", help="also run a counter under Faust's own exactly_once"
    )
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    exit_on_sigterm()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the faults hit our own clients, too
    options = campaign.CampaignOptions(
        arguments.minutes, arguments.seed, arguments.faults, arguments.rate, arguments.buckets
    )
    settings = SETTINGS | {
        "escrow_buckets": arguments.buckets,
        "escrow_open_orders_per_second": 0,
    }
    with fresh_stack(FOLDER / "stack", **settings) as stack:
        result = asyncio.run(campaign.run(stack, options))
    report.write_history(result, FOLDER)
    summary = report.summarize(result)
    if arguments.comparison:
        summary["comparison"] = comparison.run(FOLDER / "comparison", arguments.seed)
    ledger.append(
        LedgerRow(
            f"campaign, seed {arguments.seed}",
            0,
            round(summary["seconds"] / 60),
            sum(summary["faults"].values()),
            summary["figures"]["commands"],
            summary["violations"],
        )
    )
    written = report.write(summary, FOLDER)
    print(written.read_text())
    print(f"report: {written}   logs: {stack.data_dir / 'logs'}")
    return 1 if summary["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
