"""Checks before anything is started, so that a failure says what to do."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from compose import cache_dir, ports
from compose.errors import DiskFull, NotWritable, PortConflict, PortTaken
from compose.supervisor import scaling_bounds
from schemas.settings import Settings

#: In the data folder and in the cache: jars 45 MiB, start-up cache 70 MiB, the log of a surge.
MIN_FREE_BYTES = 2**30
#: Ports from PROMO_OPS_PORT on that are never proposed: processes listen there once they are started.
OPS_PORTS = 100


class RequiredPort(Struct, frozen=True):
    """A port, or `count` ports in a row, of a setting that cannot move by itself."""

    port: int
    service: str
    setting: str
    host: str = ports.LOOPBACK
    count: int = 1

    @property
    def all(self) -> range:
        """Every port of it."""
        return range(self.port, self.port + self.count)


def check_folders(data: Path) -> None:
    """Make the data folder and the cache. Raises NotWritable, DiskFull."""
    for folder in (data, cache_dir.folder()):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f".writable-{secrets.token_hex(4)}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise NotWritable(folder, error) from error
        if (free := shutil.disk_usage(folder).free) < MIN_FREE_BYTES:
            raise DiskFull(folder, free, MIN_FREE_BYTES)


def required_ports(settings: Settings) -> list[RequiredPort]:
    """Return the ports that the local stack needs at the numbers of its settings."""
    required = [RequiredPort(settings.http_port, "ingress", "PROMO_HTTP_PORT", settings.http_host)]
    if settings.edge_enabled:
        required.append(RequiredPort(settings.edge_port, "the edge", "PROMO_EDGE_PORT", settings.http_host))
    if not settings.kafka_bootstrap_servers:
        required.append(RequiredPort(settings.kafka_port, "Kafka", "PROMO_KAFKA_PORT", count=2))
    if not settings.redis_url:
        required.append(RequiredPort(settings.redis_port, "Redis", "PROMO_REDIS_PORT"))
    if scaling_bounds.initial_counts(settings)["payments"]:
        required.append(RequiredPort(settings.provider_port, "the payment provider", "PROMO_PROVIDER_PORT"))
    if scaling_bounds.initial_counts(settings)["messaging"]:
        required.append(
            RequiredPort(settings.messaging_port, "the messaging provider", "PROMO_MESSAGING_PORT")
        )
    return required


def check_ports(settings: Settings) -> None:
    """Raise PortTaken, which names every port that is not free and a free one for each."""
    required = required_ports(settings)
    # never proposed: ports that other settings name, that processes will use, or that were proposed before
    reserved = {port for each in required for port in each.all}
    reserved.update(range(settings.ops_port, settings.ops_port + OPS_PORTS))
    conflicts = []
    for each, reason in _unavailable(required):
        proposal = ports.next_free(each.port + each.count, reserved, each.count, each.host)
        reserved.update(range(proposal, proposal + each.count))
        conflicts.append(PortConflict(each.port, each.service, each.setting, reason, proposal))
    if conflicts:
        raise PortTaken(conflicts)


def _unavailable(required: list[RequiredPort]) -> Iterator[tuple[RequiredPort, str]]:
    owners: dict[int, str] = {}
    for each in required:
        shared = next((owners[port] for port in each.all if port in owners), None)
        if shared is not None:
            yield each, f"is also that of {shared}"
        elif not all(ports.is_free(port, each.host) for port in each.all):
            yield each, "is taken by another program"
        owners |= dict.fromkeys(each.all, f"{each.service} ({each.setting})")


def load_or_create_secret(given: str, file: Path) -> str:
    """Return the given secret, else the one kept in `file`, which is made on first use."""
    if given:
        return given
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32))
    return file.read_text().strip()
