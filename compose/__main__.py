"""The command line: python -m compose."""

import argparse
import signal
import sys

from rich.console import Console

from compose.errors import StackError
from schemas import settings
from schemas.settings import SettingError, Settings


def main() -> int:
    """Run one command; what a person must know goes to standard error, in one sentence or two."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was begun is cleaned up
    try:
        return _run(arguments, settings.read())
    except (StackError, SettingError) as error:
        Console(stderr=True).print(
            f"promo: {error}", style="red", markup=False, highlight=False, soft_wrap=True
        )
        return 1
    except KeyboardInterrupt:
        return 130


def _run(arguments: argparse.Namespace, given: Settings) -> int:
    # a command imports what it needs, so that ps stays quick
    console = Console()
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

            bounds = autoscale.limits(
                arguments.least, arguments.most, arguments.promotion, arguments.stable_seconds
            )
            return autoscale.run(given, bounds, console)
        case "settings":
            from compose.commands import settings as table

            return table.run(console)
        case "supervise":
            from compose.commands import supervise

            return supervise.run(given, arguments.report_fd)
        case _:
            from compose.demo.run import run

            return run(given, console, leave=arguments.exit)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m compose", description="The local stack of Promo Relâmpago."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    demo = commands.add_parser(
        "demo", help="start everything, let customers race for portions, show what came of it"
    )
    demo.add_argument("--exit", action="store_true", help="stop everything after the table")
    commands.add_parser("up", help="start everything in the background")
    commands.add_parser("down", help="stop what up started")
    commands.add_parser("ps", help="one JSON line per running process")
    scale = commands.add_parser("scale", help="change how many processes a role has")
    scale.add_argument("roles", nargs="*", metavar="role=number")
    autoscale = commands.add_parser("autoscale", help="scale by lag, requests and the calendar of promotions")
    for name, meaning in (
        ("least", "never fewer"),
        ("most", "never more"),
        ("promotion", "no fewer while a promotion is open or is soon to be"),
    ):
        autoscale.add_argument(f"--{name}", nargs="*", default=[], metavar="role=number", help=meaning)
    autoscale.add_argument(
        "--stable-seconds", type=float, default=900.0, help="fewer only after so long without need of more"
    )
    commands.add_parser("settings", help="every setting, its default, its meaning")
    supervise = commands.add_parser("supervise")  # started by up
    supervise.add_argument("--report-fd", type=int, required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
