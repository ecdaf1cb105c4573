"""`python -m egress`: the egress process; with a command, one of an operator's tools."""

from schemas.runtime import dependencies

dependencies.require()

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence

import uvloop
from aiokafka.errors import KafkaConnectionError, KafkaError
from redis.exceptions import RedisError

from egress.bootstrap import serve
from egress.command_error import CommandError
from egress.dlq import cli as dlq
from egress.export import cli as export
from egress.notifications.webhooks import cli as webhooks
from egress.projections.rebuild import rebuild
from egress.reconcile import cli as reconcile
from schemas import settings
from schemas.codec import NewerVersionError
from schemas.runtime import gc_tuning
from schemas.runtime.topic_preflight import TopicsDifferError
from schemas.settings import Settings
from schemas.telemetry import logs, tracing

#: Commands that return what they print.
COMMANDS = {"dlq": dlq.execute, "webhooks": webhooks.execute, "export": export.execute}


def main(argv: Sequence[str] | None = None, prog: str = "python -m egress") -> int:
    """Run the process or a command, with settings from the environment; return the exit code."""
    arguments = _parser(prog).parse_args(argv)
    try:
        read = settings.read()
        if arguments.command in COMMANDS:
            return _run_command(read, arguments)
        if arguments.command == "reconcile":
            return reconcile.run(read, arguments)
        logs.configure(read, "egress")
        if arguments.command == "rebuild":
            return uvloop.run(rebuild(read))
        tracing.start(read, "egress")
        gc_tuning.freeze_startup_objects()
        uvloop.run(serve(read))
    except (settings.SettingError, TopicsDifferError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _run_command(read: Settings, arguments: argparse.Namespace) -> int:
    """Run a command and print its result; return 0, or 1 with the reason on standard error."""
    logging.basicConfig(level=logging.CRITICAL)  # an error is printed once, below
    try:
        print(asyncio.run(COMMANDS[arguments.command](read, arguments)))
    except KafkaConnectionError:
        print(
            f"Kafka at {read.kafka.bootstrap_servers} does not answer (PROMO_KAFKA_BOOTSTRAP_SERVERS); promo up starts one",
            file=sys.stderr,
        )
        return 1
    except (CommandError, NewerVersionError, OSError, KafkaError, RedisError) as error:
        print(str(error) or repr(error), file=sys.stderr)
        return 1
    return 0


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog, description="Without a command: project facts, carry out payments, send notifications."
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    dlq.add(commands)
    webhooks.add(commands)
    export.add(commands)
    reconcile.add(commands)
    commands.add_parser(
        "rebuild", help="rebuild all views into a new generation and switch readers atomically"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
