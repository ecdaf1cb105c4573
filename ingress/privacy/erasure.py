"""`python -m ingress forget ORDER...`: LGPD erasure by crypto-shredding, the destruction of orders' keys."""

import argparse
import asyncio
import sys
from pathlib import Path

from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from ingress.privacy.keyring import Keyring
from ingress.privacy.keyring_log import KeyringEditor
from ingress.privacy.wrapping import Wrapping, WrongSecretError
from schemas import identity
from schemas.kafka_connection import KafkaConnection
from schemas.settings import Settings

HELP = """\
Destroy the keys of these orders' personal data: address, name and phone. The data becomes unreadable everywhere: in
topics, dead letters, changelogs, Redis, exports, and copies of them. The orders stay, with their items and totals.

Exits with 0 once the broker has removed the records that the keys could be derived from. Exits with 1 if it has not
within the wait: the keys are destroyed, and running the command again waits again. Copies of the topic
privacy.keyring that were made before must be destroyed by their owners."""

#: File in the data folder with the secret that `make up` created.
SECRET_FILE = "privacy-secret"


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `forget` to the command line."""
    forget = commands.add_parser(
        "forget",
        help="make the personal data of orders permanently unreadable",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    forget.add_argument(
        "order", nargs="+", type=_order_id, help="an order's id, from the response that accepted it"
    )
    forget.add_argument(
        "--wait",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="how long to wait for the broker's cleaner; default: 120",
    )


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code (see HELP); 2 if the secret is missing."""
    secret = find_secret(settings)
    if not secret:
        return _fail("PROMO_PRIVACY_SECRET is empty, and the data folder has none", 2)
    try:
        is_compacted = asyncio.run(forget(settings.kafka, secret, arguments.order, arguments.wait))
    except (ProducerFenced, InvalidProducerEpoch):
        return _fail("another process changes the keyring; run the command again")
    except WrongSecretError as error:
        return _fail(str(error))
    except (KafkaError, OSError) as error:
        servers = f"{settings.kafka.bootstrap_servers} (PROMO_KAFKA_BOOTSTRAP_SERVERS)"
        return _fail(f"Kafka at {servers} failed: {error!r}; run the command again")
    for order_id in arguments.order:
        print(f"{order_id} forgotten")
    if not is_compacted:
        return _fail("the broker has not removed the superseded keys yet; run the command again")
    return 0


async def forget(connection: KafkaConnection, secret: str, order_ids: list[str], wait: float) -> bool:
    """Destroy these orders' keys; return False if superseded trees are left after `wait` seconds."""
    async with KeyringEditor(connection, Keyring(Wrapping(secret))) as editor:
        await editor.write_missing_trees()
        await editor.forget(order_ids)
        return await editor.force_compaction(wait)


def find_secret(settings: Settings) -> str:
    """Return the secret of the settings, or the one that `make up` created; empty if there is neither."""
    file = Path(settings.data_dir) / SECRET_FILE
    return settings.privacy_secret or (file.read_text().strip() if file.exists() else "")


def _fail(message: str, status: int = 1) -> int:
    print(message, file=sys.stderr)
    return status


def _order_id(given: str) -> str:
    if not identity.is_order_id(given):
        raise argparse.ArgumentTypeError(f"{given!r} is no order's id: o_ and 26 letters and digits")
    return given
