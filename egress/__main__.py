"""`python -m egress`: one process that projects and pays; with a command, what an operator asks for."""

import argparse
import logging
import sys

import uvloop

from egress.dlq import commands as dlq
from egress.rebuilding import rebuild
from egress.serving import serve
from schemas import settings


def main() -> int:
    """Work until told to stop, or do what was asked; settings from the environment."""
    arguments = _parser().parse_args()
    try:
        read = settings.read()
    except settings.SettingError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.command == "dlq":
        logging.basicConfig(level=logging.CRITICAL)  # what is wrong is said once, by us
        return dlq.run(read, arguments)
    logging.basicConfig(level=read.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("aiokafka").setLevel(max(logging.WARNING, logging.getLevelName(read.log_level)))
    if arguments.command == "rebuild":
        return uvloop.run(rebuild(read))
    uvloop.run(serve(read))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m egress", description="Without a command: project and pay."
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    dlq.add(commands)
    commands.add_parser("rebuild", help="make the views anew beside the old ones, and switch at once")
    return parser


if __name__ == "__main__":
    sys.exit(main())
