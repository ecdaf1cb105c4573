"""`python -m ingress tokens`: list, issue and revoke tokens of restaurants and of named administrators."""

import argparse
import asyncio
import re
import secrets
import sys
from pathlib import Path

from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from ingress.http.issued_tokens import (
    IMPLICIT,
    IssuedToken,
    IssuedTokens,
    OwnerKind,
    TooManyTokensError,
    UnknownTokenError,
)
from ingress.http.token_claims import SETTINGS_TOKEN_ID
from ingress.http.tokens import Tokens
from ingress.issuing.restaurants import UnknownRestaurantError, require_restaurant
from ingress.issuing.token_log import LostTokensError, TokenEditor, read_records
from schemas import timestamps
from schemas.settings import Settings
from schemas.timestamps import EpochSeconds

HELP = """\
A restaurant has a first token, with the id 1, which PUT /v1/restaurants/{id} returns; `legacy` is the one that earlier
releases made. Further tokens are issued here, each for one holder: `board` reads, `manager` also changes. Every ingress
process refuses a revoked token within seconds, and closes its open feeds and streams. `list` shows a token for 400 days
after its end, the newest 2000 of such tokens: by its id it says who made a change (`changed_by`). The administrator of
PROMO_ADMIN_TOKEN is called `settings`; changing the setting revokes that token."""

ACCEPT_LOSS_HELP = """\
Ingress does not start, and tokens are neither listed nor changed, if the topic access.tokens is empty although there are
orders: it was deleted, or belongs to another cluster, or a release without issued tokens made the orders. Restore the topic if
you can. Otherwise this command lets ingress start without its records:

- tokens that were issued are refused; issue others;
- a restaurant's first tokens (`1`, `legacy`) that were revoked are valid again; revoke them again.

`promo up` ends when ingress does, so the local stack needs PROMO_INGRESS_PROCESSES=0 for this command: with it `promo up`, this
command, and `promo down`; then `promo up` without it."""

#: File in the data folder with the secret that `make up` created.
SECRET_FILE = "token-secret"
_OWNER = re.compile(r"[A-Za-z0-9_.~-]{1,64}")
_MAX_NAME = 100


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `tokens` and its actions to the command line."""
    tokens = commands.add_parser(
        "tokens",
        help="list, issue and revoke tokens of restaurants and administrators",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = tokens.add_subparsers(dest="action", required=True, metavar="action")
    _add_owner(actions.add_parser("list", help="print id, role, name and times of each token"), False)
    issue = actions.add_parser("issue", help="print a further token")
    _add_owner(issue, True)
    issue.add_argument("--role", choices=("board", "manager"), help="of a restaurant's token; default: board")
    issue.add_argument(
        "--name", default="", help="for whom or what it is, for `list`; may have 100 characters"
    )
    issue.add_argument("--days", type=int, help="how long it is valid; default: until it is revoked")
    revoke = actions.add_parser("revoke", help="revoke a token")
    _add_owner(revoke, True)
    revoke.add_argument("id", help="the token's id, from `list`")
    actions.add_parser(
        "accept-loss",
        help="start again without the records of a lost topic",
        description=ACCEPT_LOSS_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code; 2 for wrong arguments or a missing secret."""
    try:
        print(asyncio.run(_execute(settings, arguments)))
    except _UsageError as error:
        return _fail(str(error), 2)
    except (LostTokensError, TooManyTokensError, UnknownRestaurantError, UnknownTokenError) as error:
        return _fail(str(error))
    except (ProducerFenced, InvalidProducerEpoch):
        return _fail("another command changes the tokens; run the command again")
    except (KafkaError, OSError) as error:
        servers = f"{settings.kafka.bootstrap_servers} (PROMO_KAFKA_BOOTSTRAP_SERVERS)"
        return _fail(f"Kafka at {servers} failed: {error!r}; run the command again")
    return 0


class _UsageError(Exception):
    """The arguments do not fit each other, or a secret is missing."""


async def _execute(settings: Settings, arguments: argparse.Namespace) -> str:
    """Return the text to print."""
    if arguments.action == "list":
        issued = IssuedTokens()
        issued.replace(await read_records(settings.kafka))
        return _render(issued, arguments)
    if arguments.action == "accept-loss":
        async with TokenEditor(settings.kafka, accept_loss=True) as editor:
            return "loss accepted" if editor.has_lost else "nothing is lost"
    kind, owner = _owner(arguments)
    if arguments.action == "revoke":
        if kind == "restaurant" and arguments.id in IMPLICIT:  # any other token has a record, or is unknown
            await require_restaurant(settings, owner)
        async with TokenEditor(settings.kafka) as editor:
            await editor.revoke(kind, owner, arguments.id, timestamps.now_text())
        return f"{arguments.id} of {owner} revoked"
    return await _issue(settings, kind, owner, arguments)


async def _issue(settings: Settings, kind: OwnerKind, owner: str, arguments: argparse.Namespace) -> str:
    """Record a token and return it: it is shown this once."""
    if not (secret := _find_secret(settings)):
        raise _UsageError("PROMO_TOKEN_SECRET is empty, and the data folder has none")
    if arguments.days is not None and not 1 <= arguments.days <= 3650:
        raise _UsageError("--days: expected 1 to 3650")
    if kind == "admin" and (arguments.role is not None or owner == SETTINGS_TOKEN_ID):
        raise _UsageError(f"an administrator has no role, and a name other than {SETTINGS_TOKEN_ID}")
    if len(arguments.name) > _MAX_NAME or not arguments.name.isprintable():
        raise _UsageError(f"--name: expected at most {_MAX_NAME} printable characters")
    now, token_id = timestamps.wall_clock(), secrets.token_hex(4)
    expires_at = None if arguments.days is None else timestamps.EpochMs(now + arguments.days * 86_400_000)
    record = IssuedToken(
        kind,
        owner,
        token_id,
        role=None if kind == "admin" else arguments.role or "board",
        name=arguments.name,
        issued_at=timestamps.to_text(now),
        expires_at=None if expires_at is None else timestamps.to_text(expires_at),
    )
    if kind == "restaurant":
        await require_restaurant(settings, owner)
    async with TokenEditor(settings.kafka) as editor:
        await editor.issue(record)
    made, ends = Tokens(secret, ""), None if expires_at is None else expires_at // 1000
    if record.role is None:
        return made.admin(owner, token_id, ends)
    return made.restaurant(owner, record.role, token_id, ends)


def _render(issued: IssuedTokens, arguments: argparse.Namespace) -> str:
    records = issued.all()
    if arguments.restaurant or arguments.admin:
        kind, owner = _owner(arguments)
        records = [record for record in records if (record.kind, record.owner) == (kind, owner)]
        if kind == "restaurant":
            known = {record.token_id for record in records}
            records += [IssuedToken(kind, owner, name, "manager") for name in sorted(IMPLICIT - known)]
    now = timestamps.epoch_clock()
    lines = [
        "  ".join(
            [
                f"{record.kind} {record.owner}",
                record.token_id,
                record.role or "-",
                _state(record, now),
                f"until {record.expires_at}" if record.expires_at else "until revoked",
                f"issued {record.issued_at or 'by itself'}",
                record.name,
            ]
        ).rstrip()
        for record in sorted(records, key=lambda record: (record.kind, record.owner, record.token_id))
    ]
    return "\n".join(lines) or "no tokens were issued"


def _state(record: IssuedToken, now: EpochSeconds) -> str:
    if record.revoked_at:
        return f"revoked {record.revoked_at}"
    return "valid" if record.ended_at(now) is None else "expired"


def _add_owner(parser: argparse.ArgumentParser, is_required: bool) -> None:
    owner = parser.add_mutually_exclusive_group(required=is_required)
    owner.add_argument("--restaurant", type=_identifier, metavar="ID", help="tokens of this restaurant")
    owner.add_argument("--admin", type=_identifier, metavar="NAME", help="tokens of this administrator")


def _owner(arguments: argparse.Namespace) -> tuple[OwnerKind, str]:
    return ("admin", arguments.admin) if arguments.admin else ("restaurant", arguments.restaurant)


def _identifier(given: str) -> str:
    if not _OWNER.fullmatch(given):
        raise argparse.ArgumentTypeError(f"{given!r}: expected 1 to 64 of letters, digits and _ . ~ -")
    return given


def _find_secret(settings: Settings) -> str:
    """Return the secret of the settings, or the one that `make up` created; empty if there is neither."""
    file = Path(settings.data_dir) / SECRET_FILE
    return settings.token_secret or (file.read_text().strip() if file.exists() else "")


def _fail(message: str, status: int = 1) -> int:
    print(message, file=sys.stderr)
    return status
