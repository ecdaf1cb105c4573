"""`python -m ingress`: one HTTP process; with a command, what an operator asks for. Settings from the environment."""

import argparse
import logging
import sys

import uvloop

from ingress import push_key
from ingress.privacy import forgetting
from ingress.privacy.wrapping import WrongSecretError
from ingress.serving import serve
from schemas import heap, settings
from schemas.telemetry import logs, tracing

#: Settings that must not be empty, and why.
SECRETS = {
    "token_secret": "anybody could make tokens",
    "privacy_secret": "anybody who reads the log could read personal data",
}


def main() -> int:
    """Serve until told to stop, or do what was asked."""
    arguments = _parser().parse_args()
    try:
        read = settings.read()
        push_key.public(read.vapid_private_key)
        tracing.start(read, "ingress")
    except settings.SettingError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.command == "forget":
        logging.basicConfig(level=logging.CRITICAL)  # what is wrong is said once, by us
        return forgetting.run(read, arguments)
    for name, meaning in SECRETS.items():
        if not settings.secrets(getattr(read, name)):
            print(f"PROMO_{name.upper()} is empty: {meaning}. Set it to a random value.", file=sys.stderr)
            return 2
    logs.configure(read, "ingress")
    try:
        heap.settle()
        uvloop.run(serve(read))
    except WrongSecretError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ingress", description="Without a command: serve.")
    forgetting.add(parser.add_subparsers(dest="command", metavar="command"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
