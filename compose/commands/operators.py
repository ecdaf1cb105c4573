"""Operators' commands, which the parts implement: promo dlq, webhooks, export, report, rebuild, reconcile, forget,
customer, clock, position, tokens."""

import sys
from collections.abc import Sequence

#: Name and meaning, for `promo --help`; `promo NAME --help` comes from the part.
COMMANDS = {
    "dlq": "list, show, redrive or drop dead letters",
    "webhooks": "list webhooks and their attempts, deliver one again, switch one on again",
    "export": "write the facts to Parquet files, each once",
    "report": "how a promotion went, from an export or from the topics",
    "rebuild": "rebuild all views into a new generation, then switch readers atomically",
    "reconcile": "compare the payment provider's books with the facts",
    "forget": "make the personal data of orders or of a month unreadable, for good",
    "customer": "forget a customer, or export what is stored of one",
    "clock": "show leaps of the commands' time, and accept one",
    "position": "let a partition continue whose topics were restored",
    "tokens": "list, issue and revoke tokens of restaurants and administrators",
}


def run(argv: Sequence[str]) -> int:
    """Run the command `argv[0]` in this process and return its exit status."""
    match argv[0]:
        case "forget" | "customer" | "tokens":
            from ingress.__main__ import main as ingress

            return ingress(argv, "promo")
        case "report":
            return _report(argv[1:])
        case "clock":
            from streams.clock_command import main as clock

            return clock(argv)
        case "position":
            from streams.position_command import main as position

            return position(argv)
        case _:
            from egress.__main__ import main as egress

            return egress(argv, "promo")


def _report(argv: Sequence[str]) -> int:
    try:
        from egress.examples.promotion import main as report
    except ModuleNotFoundError as error:
        if error.name not in ("duckdb", "pyarrow"):
            raise
        print("promo report needs DuckDB: pip install 'promo-relampago[data]'", file=sys.stderr)
        return 1
    return report(argv, "promo report")
