"""`python -m ingress`: serve HTTP; `python -m ingress forget` and `customer`: personal data. Settings from the environment."""

from schemas.runtime import dependencies

dependencies.require()

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence

import uvloop

from ingress.bootstrap import serve
from ingress.privacy import cli
from ingress.privacy.keyring_log import LostKeyringError
from ingress.privacy.wrapping import WrongSecretError
from schemas import setting_types, settings, vapid
from schemas.runtime import gc_tuning
from schemas.settings import Settings
from schemas.telemetry import logs, tracing

#: Settings that must not be empty, and what an empty one would allow.
SECRETS = {
    "token_secret": "anyone could make tokens",
    "privacy_secret": "anyone who reads the log could read personal data",
}


def main(argv: Sequence[str] | None = None, prog: str = "python -m ingress") -> int:
    """Serve until a signal, or run the given command; return the exit status."""
    arguments = _parser(prog).parse_args(argv)
    try:
        configured = settings.read(checks=[] if arguments.command else [_empty_secrets])
        vapid.public_key(configured.vapid_private_key)
        tracing.start(configured, "ingress")
    except settings.SettingError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.command in cli.COMMANDS:
        logging.basicConfig(level=logging.CRITICAL)  # the command prints its errors itself
        return cli.run(configured, arguments)
    logs.configure(configured, "ingress")
    try:
        gc_tuning.freeze_startup_objects()
        uvloop.run(serve(configured))
    except (WrongSecretError, LostKeyringError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _empty_secrets(configured: Settings) -> Iterator[str]:
    for name, harm in SECRETS.items():
        if not setting_types.split_secrets(getattr(configured, name)):
            yield f"PROMO_{name.upper()}: empty, so {harm}; set it to a random value"


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description="Without a command: serve.")
    cli.add_commands(parser.add_subparsers(dest="command", metavar="command"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
