"""What is checked before anything is started, so that a failure says what to do."""

import secrets
import shutil
from pathlib import Path

from compose import cache, ports
from compose.errors import DiskFull, NotWritable
from schemas.settings import Settings

ROOM = (
    2**30
)  # bytes, in the data folder and in the cache: jars 45 MiB, start-up cache 70 MiB, the log of a surge


def folders(data: Path) -> None:
    """Make the folders; raises NotWritable, DiskFull."""
    for folder in (data, cache.folder()):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f".writable-{secrets.token_hex(4)}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise NotWritable(folder, error) from error
        if (free := shutil.disk_usage(folder).free) < ROOM:
            raise DiskFull(folder, free, ROOM)


def required_ports(settings: Settings) -> None:
    """Raise PortTaken unless every port that cannot move is free."""
    if not settings.kafka_bootstrap_servers:
        ports.require(settings.kafka_port, "Kafka", "PROMO_KAFKA_PORT")
        ports.require(settings.kafka_port + 1, "Kafka's controller", "PROMO_KAFKA_PORT")
    if not settings.redis_url:
        ports.require(settings.redis_port, "Redis", "PROMO_REDIS_PORT")
    if settings.payments and not settings.provider_url:
        ports.require(settings.provider_port, "the payment provider", "PROMO_PROVIDER_PORT")
    ports.require(settings.http_port, "HTTP", "PROMO_HTTP_PORT", settings.http_host)
    if settings.edge:
        ports.require(settings.edge_port, "the edge", "PROMO_EDGE_PORT", settings.http_host)


def secret(given: str, file: Path) -> str:
    """Return the secret that was given, or the one kept in `file`, which is made on first use."""
    if given:
        return given
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32))
    return file.read_text().strip()
