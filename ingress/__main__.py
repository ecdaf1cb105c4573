"""`python -m ingress`: serve HTTP; `forget` and `customer`: personal data; `tokens`: issue and revoke tokens.

Settings come from the environment.
"""

from schemas.runtime import dependencies

dependencies.require()

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence

import uvloop

from ingress.bootstrap import serve
from ingress.customers import partner_tokens
from ingress.issuing import command_line
from ingress.issuing.token_log import LostTokensError
from ingress.privacy import cli
from ingress.privacy.keyring_log import LostKeyringError
from ingress.privacy.wrapping import WrongSecretError
from schemas import setting_types, settings, vapid
from schemas.runtime import gc_tuning
from schemas.runtime.topic_preflight import TopicsDifferError
from schemas.settings import Settings
from schemas.telemetry import logs, tracing

#: Settings that must not be empty, and what an empty one would allow.
SECRETS = {
    "token_secret": "anyone could make tokens",
    "webhook_secret": "anyone could sign webhooks",
    "privacy_secret": "anyone who reads the log could read personal data",
}
#: What runs each command.
COMMANDS = {"tokens": command_line.run, **dict.fromkeys(cli.COMMANDS, cli.run)}


def main(argv: Sequence[str] | None = None, prog: str = "python -m ingress") -> int:
    """Serve until a signal, or run the given command; return the exit status."""
    arguments = _parser(prog).parse_args(argv)
    try:
        configured = settings.read(
            checks=[] if arguments.command else [_empty_secrets, partner_tokens.faults]
        )
        vapid.public_key(configured.vapid_private_key)
        tracing.start(configured, "ingress")
    except settings.SettingError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.command:
        logging.basicConfig(level=logging.CRITICAL)  # a command prints its errors itself
        return COMMANDS[arguments.command](configured, arguments)
    logs.configure(configured, "ingress")
    try:
        gc_tuning.freeze_startup_objects()
        uvloop.run(serve(configured))
    except (WrongSecretError, LostKeyringError, LostTokensError, TopicsDifferError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _empty_secrets(configured: Settings) -> Iterator[str]:
    for name, harm in SECRETS.items():
        if not setting_types.split_secrets(getattr(configured, name)):
            yield f"PROMO_{name.upper()}: empty, so {harm}; set it to a random value"


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description="Without a command: serve.")
    commands = parser.add_subparsers(dest="command", metavar="command")
    cli.add_commands(commands)
    command_line.add_command(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
