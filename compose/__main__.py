"""The command line: `promo`, or `python -m compose`."""

from schemas.runtime import dependencies

dependencies.require("rich")

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from rich.console import Console

from compose.commands import operators
from compose.errors import StackError
from compose.provider import behaviour
from compose.supervisor import scaling_bounds
from schemas import settings
from schemas.settings import SettingError, Settings
from streams.exactly_once import failpoints

#: The only setting that `down` and `ps` need.
DATA_DIR = "PROMO_DATA_DIR"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 1 for a failure, 2 for wrong settings or arguments."""
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] in operators.COMMANDS:
        return operators.run(argv)
    arguments = _parser().parse_args(argv)
    console = Console()
    try:
        status = _run(arguments, console)
        sys.stdout.flush()
        return status
    except (StackError, SettingError) as error:
        Console(stderr=True).print(
            f"promo: {error}", style="red", markup=False, highlight=False, soft_wrap=True
        )
        return error.exit_status if isinstance(error, StackError) else 2
    except BrokenPipeError:  # of `promo ps | head`; another flush at exit must not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 130


def _run(arguments: argparse.Namespace, console: Console) -> int:
    # each command imports what it needs, so that ps stays quick
    if arguments.command == "settings":  # also while some are wrong
        from compose.commands import settings as table

        return table.run(console)
    if arguments.command in ("down", "ps"):  # a wrong setting must not keep a stack from being stopped
        given = settings.read({DATA_DIR: os.environ[DATA_DIR]} if DATA_DIR in os.environ else {})
    else:
        given = settings.read(checks=[behaviour.faults, scaling_bounds.faults, failpoints.faults])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is cleaned up
    return _run_with(given, arguments, console)


def _run_with(given: Settings, arguments: argparse.Namespace, console: Console) -> int:
    match arguments.command:
        case "up":
            from compose.commands import up

            return up.run(given, console)
        case "down":
            from compose.commands import down

            return down.run(given, console)
        case "ps":
            from compose.commands import ps

            return ps.run(given)
        case "scale":
            from compose.commands import scale

            return scale.run(given, arguments.roles, console)
        case "autoscale":
            from compose.commands import autoscale

            limits = autoscale.role_limits(
                arguments.min, arguments.max, arguments.promotion_min, arguments.stabilization_seconds
            )
            return autoscale.run(given, limits, console)
        case "topics":
            from compose.kafka import topics

            return topics.run(given, check_only=arguments.check)
        case "supervise":
            from compose.commands import supervise

            return supervise.run(given, arguments.report_fd)
        case _:
            from compose.demo import run as demo

            return demo.run(given, console, leave=arguments.exit)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="promo", description="Promo Relâmpago: the local stack, and operations."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    demo = commands.add_parser(
        "demo", help="start everything, let customers race for limited portions, check the result"
    )
    demo.add_argument("--exit", action="store_true", help="stop everything after the table")
    commands.add_parser("up", help="start everything in the background")
    commands.add_parser("down", help="stop what up started")
    commands.add_parser("ps", help="print one JSON line per running process")
    scale = commands.add_parser(
        "scale", help="change the number of processes of a role; without arguments: the bounds"
    )
    scale.add_argument("roles", nargs="*", metavar="role=number", help="for example streams=3 ingress=2")
    autoscale = commands.add_parser("autoscale", help="scale by lag, requests and the calendar of promotions")
    for name, meaning in (
        ("min", "lower bound"),
        ("max", "upper bound"),
        ("promotion-min", "lower bound while a promotion is open or begins within a minute"),
    ):
        autoscale.add_argument(f"--{name}", nargs="*", default=[], metavar="role=number", help=meaning)
    autoscale.add_argument(
        "--stabilization-seconds",
        type=float,
        default=900.0,
        metavar="SECONDS",
        help="remove a process after this time without need of it (900)",
    )
    commands.add_parser("settings", help="list every setting, its default and its meaning")
    topics = commands.add_parser("topics", help="create the missing topics in Kafka, and correct the others")
    topics.add_argument(
        "--check",
        action="store_true",
        help="change nothing, and exit with 1 if a topic differs",
    )
    supervise = commands.add_parser("supervise")  # for up only
    supervise.add_argument("--report-fd", type=int, required=True)
    for name, meaning in operators.COMMANDS.items():
        commands.add_parser(name, help=meaning)
    return parser


if __name__ == "__main__":
    sys.exit(main())
