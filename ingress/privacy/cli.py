"""`python -m ingress forget` and `python -m ingress customer`: the command line of LGPD erasure and access."""

import argparse
import asyncio
import sys
from pathlib import Path

from aiokafka.errors import KafkaError

from ingress.privacy import customer_export, months
from ingress.privacy.customer_ids import PhoneExhaustedError, is_customer_id
from ingress.privacy.erasure import Erasure, UnknownSubjectError
from ingress.privacy.keyring import Keyring, UnknownMonthError
from ingress.privacy.keyring_log import LostKeyringError
from ingress.privacy.months import Month
from ingress.privacy.wrapping import Wrapping, WrongSecretError
from schemas import contacts, identity, timestamps
from schemas.codec import NewerVersionError
from schemas.runtime.transactions import FENCED_ERRORS
from schemas.settings import Settings
from schemas.texts import TextError

_ERASURE = """\
The data becomes unreadable everywhere: in topics, dead letters, changelogs, Redis, exports, and copies of them. The orders
stay, with their items and totals.

Exits with 0 once the leader of the keyring's partition has removed the records that the keys could be derived from. The
other replicas remove them when their own cleaners run; one that is down does so after it is back. Exits with 1 if the
leader has not within the wait: the keys are destroyed, and running the command again waits again. Copies of the topic
privacy.keyring that were made before must be destroyed by their owners.

Exits with 1 and destroys nothing if no order and no recent request has this id or customer, unless --force is given."""
FORGET_HELP = f"""\
Destroy the keys of these orders' personal data (address, name and phone, subscriptions to pushes), or with --month the
key of all orders of a past month.
{_ERASURE}

--accept-lost-keyring writes new keys in the place of those that the topic has lost. Ingress does not start before.
What was sealed with the lost keys stays unreadable."""
CUSTOMER_HELP = f"""\
Destroy the key of all orders of a customer: a new order with the same id is refused from then on. With --phone, also
destroy what leads from the phone to the customer's id: the same phone is a new customer.
{_ERASURE}"""
EXPORT_HELP = """\
Print what is stored of a customer (LGPD, art. 18) as one JSON document: orders with items, totals, times, address, name and
phone, what became of them, and subscriptions to pushes. Reads all orders of the topics."""

#: File in the data folder with the secret that `make up` created.
SECRET_FILE = "privacy-secret"
COMMANDS = ("forget", "customer")


class _Failed(Exception):
    """The command cannot do what it should; the message says why."""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `forget` and `customer` to the command line."""
    forget = _add(commands, "forget", "make the personal data of orders permanently unreadable", FORGET_HELP)
    forget.add_argument(
        "order", nargs="*", type=_order_id, help="an order's id, from the response that accepted it"
    )
    forget.add_argument("--month", type=_past_month, metavar="YYYY-MM", help="all orders of a past month")
    forget.add_argument("--accept-lost-keyring", action="store_true", help="replace lost keys by new ones")
    _add_erasure_options(forget)
    customer = commands.add_parser("customer", help="forget a customer, or export what is stored of one")
    actions = customer.add_subparsers(dest="action", required=True, metavar="action")
    for name, short, text in (
        ("forget", "make the personal data of all orders of a customer unreadable", CUSTOMER_HELP),
        ("export", "print what is stored of a customer", EXPORT_HELP),
    ):
        action = _add(actions, name, short, text)
        who = action.add_mutually_exclusive_group(required=True)
        who.add_argument("customer_id", nargs="?", metavar="CUSTOMER_ID", help="the customer's id")
        who.add_argument("--phone", type=_phone, help="a phone that was verified for this customer")
        if name == "forget":
            _add_erasure_options(action)


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run the command and return its exit status; 2 for wrong arguments, or if the secret is missing."""
    if arguments.command == "forget" and _subject_count(arguments) != 1:
        return _fail("give either orders, or --month, or --accept-lost-keyring", 2)
    if arguments.command == "customer" and (fault := _customer_id_fault(arguments)):
        return _fail(fault, 2)
    secret = _find_secret(settings)
    if not secret:
        return _fail("PROMO_PRIVACY_SECRET is empty, and the data folder has none", 2)
    keyring = Keyring(Wrapping(secret))
    try:
        if arguments.command == "customer" and arguments.action == "export":
            who = arguments.customer_id, arguments.phone
            asyncio.run(customer_export.export(settings.kafka, keyring, *who, sys.stdout))
        elif arguments.command == "forget" and arguments.accept_lost_keyring:
            lost = asyncio.run(Erasure(settings.kafka, keyring, 0).accept_loss())
            print(f"{lost} lost records replaced")
        else:
            _erase(Erasure(settings.kafka, keyring, arguments.wait), arguments)
    except FENCED_ERRORS:
        return _fail("other processes change the keyring; run the command again")
    except UnknownSubjectError as error:
        return _fail(f"{error}: nothing was destroyed. --force destroys the keys anyway")
    except (WrongSecretError, LostKeyringError, PhoneExhaustedError, NewerVersionError, _Failed) as error:
        return _fail(str(error))
    except UnknownMonthError:
        return _fail("the keyring has no key of this month: nothing was sealed with one")
    except (KafkaError, OSError) as error:
        servers = f"{settings.kafka.bootstrap_servers} (PROMO_KAFKA_BOOTSTRAP_SERVERS)"
        return _fail(f"Kafka at {servers} failed: {error!r}; run the command again")
    return 0


def _erase(erasure: Erasure, arguments: argparse.Namespace) -> None:
    """Destroy what the arguments name, and say so; raises _Failed if the broker has not removed it."""
    if arguments.command == "customer":
        phone = arguments.phone
        customer_id = asyncio.run(erasure.find_customer(phone)) if phone else arguments.customer_id
        subjects = [customer_id]
        erasing = erasure.forget_customer(customer_id, phone, force=arguments.force)
    elif arguments.month is not None:
        subjects, erasing = [months.to_text(arguments.month)], erasure.forget_month(arguments.month)
    else:
        subjects = arguments.order
        erasing = erasure.forget_orders(set(subjects), force=arguments.force)
    is_compacted = asyncio.run(erasing)
    for subject in subjects:
        print(f"{subject} forgotten")
    if not is_compacted:
        raise _Failed(
            f"the broker has not removed the superseded records yet; run the command again for {' '.join(subjects)}"
        )


def _subject_count(arguments: argparse.Namespace) -> int:
    return sum(map(bool, (arguments.order, arguments.month, arguments.accept_lost_keyring)))


def _customer_id_fault(arguments: argparse.Namespace) -> str:
    """Return what is wrong with the customer's id to forget: an id with a typing error has a key too, and no order."""
    given = arguments.customer_id
    if arguments.action != "forget" or given is None or is_customer_id(given) or (given and arguments.force):
        return ""
    try:
        contacts.normalize_phone(given)
    except TextError:
        return (
            f"{given!r} is no customer's id: c_ or p_ and 26 letters and digits, or d_ and 32, all in lower case. "
            "--force forgets the customer of an id that an earlier release took"
        )
    return f"{given!r} is a phone: give it by --phone"


def _find_secret(settings: Settings) -> str:
    """Return the secret of the settings, or the one that `make up` created; empty if there is neither."""
    file = Path(settings.data_dir) / SECRET_FILE
    return settings.privacy_secret or (file.read_text().strip() if file.exists() else "")


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, short: str, text: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name, help=short, description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def _add_erasure_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--force", action="store_true", help="destroy the keys also if no order has this id or customer"
    )
    command.add_argument(
        "--wait",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="how long to wait for the broker's cleaner; default: 120",
    )


def _fail(message: str, status: int = 1) -> int:
    print(message, file=sys.stderr)
    return status


def _order_id(given: str) -> str:
    if not identity.is_order_id(given):
        raise argparse.ArgumentTypeError(f"{given!r} is no order's id: o_ and 26 letters and digits")
    return given


def _phone(given: str) -> str:
    try:
        return contacts.normalize_phone(given)
    except TextError:
        raise argparse.ArgumentTypeError(f"{given!r} is no phone number") from None


def _past_month(given: str) -> Month:
    try:
        month = months.from_text(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if month >= months.month_at(timestamps.wall_clock()):
        raise argparse.ArgumentTypeError(f"{given} has not ended: orders are still sealed with its key")
    return month
