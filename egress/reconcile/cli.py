"""`python -m egress reconcile`: the command line of the comparison."""

import argparse
import logging
import re
import sqlite3
import sys
from pathlib import Path

import aiohttp
import uvloop
from aiokafka.errors import KafkaError
from msgspec.structs import replace

from egress.provider_client import ProviderClient
from egress.reconcile import job
from egress.reconcile.http_books import MAX_PAGE_BYTES, HttpBooks
from egress.reconcile.payment_store import PaymentStore
from egress.reconcile.report import MAX_LINES, ReconcileReport
from egress.reconcile.window import ReconcileWindow
from egress.resilience.errors import PermanentError, TransientError
from schemas import timestamps
from schemas.codec import NewerVersionError
from schemas.runtime.secret_file import provider_token
from schemas.settings import Settings
from schemas.timestamps import EpochMs

#: Where `make up` keeps the token of the simulated provider, in the data folder.
TOKEN_FILE = "provider-token"
#: How long one page of the books may take, in seconds.
PAGE_TIMEOUT_SECONDS = 30.0
DAY_MS = 24 * 3_600_000

DESCRIPTION = f"""\
Compare the payment provider's books with the facts: what was taken, given back and is owed, for each payment. Print a
line for each payment that differs, up to {MAX_LINES}, and a summary. Amounts are centavos. The exit status is 0 without
a difference, 1 with one, and 2 if the two could not be compared, or not all facts could be read."""

UNREADABLE = (
    "facts could not be read, of which each may be a cancellation with money owed (see `promo dlq list`)"
)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the `reconcile` command to the command line of egress."""
    parser = commands.add_parser(
        "reconcile",
        help="compare the payment provider's books with the facts",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    span = parser.add_mutually_exclusive_group()
    span.add_argument(
        "--since",
        type=_instant,
        default=EpochMs(0),
        metavar="INSTANT",
        help="only payments that changed from this day or RFC 3339 instant on",
    )
    span.add_argument("--days", type=_positive, help="only payments that changed in the last so many days")
    span.add_argument(
        "--day", type=_day, metavar="YYYY-MM-DD", help="only payments of orders of this day, in UTC"
    )
    parser.add_argument(
        "--grace",
        type=_positive,
        default=300,
        metavar="SECONDS",
        help="payments that changed in the last so many seconds are no differences (300)",
    )


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Compare, print, and return the exit status; raises SettingError."""
    logging.basicConfig(level=logging.CRITICAL)  # an error is printed once, below
    settings = _with_local_token(settings)
    provider_token(settings)  # a wrong setting ends here
    try:
        return uvloop.run(_compare(settings, _window(settings, arguments)))
    except (TransientError, PermanentError) as error:
        failure = f"the provider's books at {_origin(settings)}: {error}"
    except KafkaError as error:
        failure = f"the facts in Kafka at {settings.kafka.bootstrap_servers}: {str(error) or repr(error)}"
    except (NewerVersionError, OSError, sqlite3.Error) as error:
        failure = str(error) or repr(error)
    print(f"could not compare: {failure}", file=sys.stderr)
    return 2


async def _compare(settings: Settings, window: ReconcileWindow) -> int:
    report = ReconcileReport()
    with PaymentStore() as store:
        report.unreadable_facts = await job.read_facts(settings, window, store)
        async with aiohttp.ClientSession() as session:
            client = ProviderClient(
                session, settings.provider, provider_token(settings), PAGE_TIMEOUT_SECONDS, MAX_PAGE_BYTES
            )
            await job.read_books(HttpBooks(client), window, store)
        for line in report.lines(store.payments(window)):
            print(line)
    print(report.summary())
    if report.unreadable_facts:
        print(f"could not compare all: {report.unreadable_facts} {UNREADABLE}", file=sys.stderr)
    return report.exit_status


def _window(settings: Settings, arguments: argparse.Namespace) -> ReconcileWindow:
    now = timestamps.wall_clock()
    since = EpochMs(now - arguments.days * DAY_MS) if arguments.days else arguments.day or arguments.since
    return ReconcileWindow(
        since, now, arguments.grace * 1000, settings.reservation_seconds * 1000, arguments.day is not None
    )


def _with_local_token(settings: Settings) -> Settings:
    """Return the settings with the token that `make up` made, where none is given."""
    file = Path(settings.data_dir) / TOKEN_FILE
    is_given = settings.provider_url or settings.provider_token or settings.provider_token_file
    return settings if is_given or not file.exists() else replace(settings, provider_token_file=str(file))


def _origin(settings: Settings) -> str:
    """Return the provider's address without what may be secret in its URL."""
    return re.sub(r"//[^/@]*@", "//", settings.provider).partition("?")[0]


def _positive(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or not (number := int(text)):
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 999999")
    return number


def _day(text: str) -> EpochMs:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise argparse.ArgumentTypeError("must be a day such as 2026-12-01")
    return _instant(text)


def _instant(text: str) -> EpochMs:
    whole = f"{text}T00:00:00Z" if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else text
    try:
        return EpochMs(timestamps.parse_rfc3339(whole) // timestamps.NANOSECONDS_PER_MS)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a day or an instant such as 2026-12-01T00:00:00Z") from None
