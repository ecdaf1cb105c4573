"""`python -m ingress forget ORDER…`: personal data of orders, unreadable from then on for everybody."""

import argparse
import asyncio
import sys
from pathlib import Path

from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from ingress.privacy.keyring import Keyring
from ingress.privacy.keyring_log import Workbench
from ingress.privacy.wrapping import Wrapping, WrongSecretError
from schemas import identity
from schemas.settings import Settings

HELP = """\
Destroy the keys of these orders' personal data: address, name and phone. From then on they can be read nowhere:
not in topics, dead letters, changelogs, Redis, exports or copies of them. The order stays, with its items and totals.

Returns when the broker has removed what the keys could be derived from, and 0; 1 when that is not so within the
wait: the keys are destroyed by then, and a second run waits again. Copies of the topic privacy.keyring that
somebody made before must be destroyed by whoever made them."""

#: Where `make up` keeps the secret that it made, in the data folder.
SECRET_FILE = "privacy-secret"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `forget` to the command line."""
    forget = commands.add_parser(
        "forget",
        help="make the personal data of orders unreadable, for good",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    forget.add_argument("order", nargs="+", type=_order_id, help="an order's id, as 201 gave it")
    forget.add_argument(
        "--wait", type=float, default=120.0, metavar="SECONDS", help="for the broker's cleaner; 120"
    )


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Forget; 0 when nothing is left, also when that was so before."""
    secret = secret_of(settings)
    if not secret:
        print("PROMO_PRIVACY_SECRET is empty, and the data folder has none", file=sys.stderr)
        return 2
    try:
        gone = asyncio.run(forget(settings.bootstrap_servers, secret, arguments.order, arguments.wait))
    except (ProducerFenced, InvalidProducerEpoch):
        print("somebody else works on the keyring; run it again", file=sys.stderr)
        return 1
    except WrongSecretError as error:
        print(error, file=sys.stderr)
        return 1
    except (KafkaError, OSError) as error:
        servers = settings.bootstrap_servers
        print(
            f"Kafka at {servers} (PROMO_KAFKA_BOOTSTRAP_SERVERS) failed: {error!r}; run it again",
            file=sys.stderr,
        )
        return 1
    for order_id in arguments.order:
        print(f"{order_id} forgotten")
    if not gone:
        print("the broker has not yet removed what the keys were derived from; run it again", file=sys.stderr)
    return 0 if gone else 1


async def forget(bootstrap_servers: str, secret: str, order_ids: list[str], wait: float) -> bool:
    """Forget these orders; say whether the broker has removed, within the wait, what led to their keys."""
    async with Workbench(bootstrap_servers, Keyring(Wrapping(secret))) as bench:
        await bench.complete()
        await bench.forget(order_ids)
        return await bench.sweep(wait)


def secret_of(settings: Settings) -> str:
    """Return the secret of the settings, or the one that `make up` made."""
    file = Path(settings.data_dir) / SECRET_FILE
    return settings.privacy_secret or (file.read_text().strip() if file.exists() else "")


def _order_id(given: str) -> str:
    if not identity.is_order_id(given):
        raise argparse.ArgumentTypeError(f"{given!r} is no order's id: o_ and 26 letters and digits")
    return given
