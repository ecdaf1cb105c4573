"""`python -m egress`: one process that projects, pays and notifies; with a command, what an operator asks for."""

import argparse
import logging
import sys

import uvloop

from egress.dlq import commands as dlq
from egress.export import commands as exporting
from egress.rebuilding import rebuild
from egress.serving import serve
from egress.webhooks import commands as webhooks
from schemas import heap, settings
from schemas.telemetry import logs, tracing


def main() -> int:
    """Work until told to stop, or do what was asked; settings from the environment."""
    arguments = _parser().parse_args()
    try:
        read = settings.read()
    except settings.SettingError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.command in ("dlq", "webhooks"):
        logging.basicConfig(level=logging.CRITICAL)  # what is wrong is said once, by us
        run = dlq.run if arguments.command == "dlq" else webhooks.run
        return run(read, arguments)
    if arguments.command == "export":
        logging.basicConfig(level=logging.CRITICAL)
        return exporting.run(read, arguments)
    logs.configure(read, "egress")
    if arguments.command == "rebuild":
        return uvloop.run(rebuild(read))
    try:
        tracing.start(read, "egress")
        heap.settle()
        uvloop.run(serve(read))
    except settings.SettingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m egress", description="Without a command: project, pay and notify."
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    dlq.add(commands)
    webhooks.add(commands)
    exporting.add(commands)
    commands.add_parser("rebuild", help="make the views anew beside the old ones, and switch at once")
    return parser


if __name__ == "__main__":
    sys.exit(main())
