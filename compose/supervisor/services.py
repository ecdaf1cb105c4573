"""The services of the stack: the command, working directory, environment and readiness check of each."""

import re
import sys
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct, field

from compose import redis_server
from compose.edge import nginx
from compose.kafka import broker, readiness
from compose.kafka.java import Java
from compose.secret_readers import READERS
from compose.supervisor import shared_metrics
from schemas.settings import Settings

ROOT = Path(__file__).parents[2]

#: The module of a role; the others have the name of their role.
ROLE_MODULES = {"payments": "compose.provider", "messaging": "compose.messaging"}

READY_METRIC = re.compile(rb"^promo_ready 1(\.0)?$", re.MULTILINE)

FETCH_TIMEOUT_SECONDS = 1.0


class Service(Struct, frozen=True):
    """One program to keep running. `is_ready` may block for a second."""

    name: str
    role: str
    command: list[str]
    folder: Path
    log: Path
    url: str
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    ops_port: int = 0


def kafka(settings: Settings, data: Path, java: Java) -> Service:
    """Return the local broker, its folder prepared."""
    broker.prepare(data / "kafka", settings.kafka_port)
    command = broker.command(java, quick_start=settings.broker_quick_start)
    address = settings.kafka.bootstrap_servers
    return _server("kafka", data, command, address, lambda: readiness.is_up(address))


def redis(settings: Settings, data: Path) -> Service:
    """Return the local Redis, its folder made. Raises NoRedis."""
    (data / "redis").mkdir(parents=True, exist_ok=True)
    url = settings.redis
    return _server(
        "redis", data, redis_server.command(settings.redis_port), url, lambda: redis_server.is_up(url)
    )


def edge(settings: Settings, data: Path) -> Service:
    """Return the local nginx, its folder prepared. Raises NoEdge."""
    nginx.prepare(data / "edge", settings)
    url = http_url(settings, settings.edge_port)
    live = f"{url}/edge/live"
    return _server("edge", data, nginx.command(data / "edge"), url, lambda: fetch(live) is not None)


def _server(name: str, data: Path, command: list[str], url: str, is_ready: Callable[[], bool]) -> Service:
    return Service(name, name, command, data / name, data / "logs" / f"{name}.log", url, is_ready)


def role_service(
    role: str, number: int, ops_port: int, settings: Settings, data: Path, secrets: Mapping[str, str]
) -> Service:
    """Return the process with this number, from 1 on, of a role that scales."""
    name = f"{role}-{number}"
    metrics = f"http://127.0.0.1:{ops_port}/metrics"
    urls = {
        "ingress": http_url(settings),
        "payments": settings.provider,
        "messaging": settings.messaging,
    }
    url = urls.get(role, metrics)
    return Service(
        name=name,
        role=role,
        command=[sys.executable, "-m", ROLE_MODULES.get(role, role)],
        folder=ROOT,
        log=data / "logs" / f"{name}.log",
        url=url,
        is_ready=lambda: reports_ready(metrics),
        environment={
            "PROMO_INSTANCE": name,
            "PROMO_OPS_PORT": str(ops_port),
            "PROMO_KAFKA_BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
            "PROMO_REDIS_URL": settings.redis,
            "PROMO_DATA_DIR": str(data),
            **shared_metrics.environment(data),
            **{name: value for name, value in secrets.items() if role in READERS[name]},
        },
        ops_port=ops_port,
    )


def http_url(settings: Settings, port: int | None = None) -> str:
    """Return the URL, for a browser on this machine, of ingress or of another server on `port`."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.http_host, settings.http_host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port or settings.http_port}"


def reports_ready(metrics_url: str) -> bool:
    """Return True if the metrics of a process have `promo_ready 1`."""
    body = fetch(metrics_url)
    return body is not None and READY_METRIC.search(body) is not None


def fetch(url: str) -> bytes | None:
    """Return the body of a 200 response, or None for any other outcome. Blocks for at most a second."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy
    try:
        with direct.open(url, timeout=FETCH_TIMEOUT_SECONDS) as response:
            return bytes(response.read()) if response.status == 200 else None
    except OSError:
        return None
