"""What the stack consists of: each program's command, surroundings and sign of readiness."""

import re
import sys
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct, field

from compose import redis_server
from compose.edge import nginx
from compose.kafka import broker, probe
from compose.kafka.java import Java
from compose.supervisor import shared_metrics
from schemas.settings import Settings

ROOT = Path(__file__).parents[2]

#: Roles of which there can be several, in the order they start; the setting of the same name counts them.
#: They stop in the opposite order: first who takes orders, last who decides them.
ROLES = ("streams", "payments", "egress", "ingress")
#: The module of each role that is not named like it.
MODULES = {"payments": "compose.provider"}

#: Secrets that only these roles are given.
READERS = {"PROMO_PRIVACY_SECRET": ("ingress",)}

READY = re.compile(rb"^promo_ready 1(\.0)?$", re.MULTILINE)


class Program(Struct, frozen=True):
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


def kafka(settings: Settings, data: Path, java: Java) -> Program:
    """Return our own broker, its folder prepared."""
    folder = data / "kafka"
    broker.prepare(folder, settings.kafka_port)
    address = settings.bootstrap_servers
    return Program(
        name="kafka",
        role="kafka",
        command=broker.command(java, quick_start=settings.broker_quick_start),
        folder=folder,
        log=data / "logs" / "kafka.log",
        url=address,
        is_ready=lambda: probe.answers(address),
    )


def redis(settings: Settings, data: Path) -> Program:
    """Return our own Redis, its folder made."""
    folder = data / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    url = settings.redis
    return Program(
        name="redis",
        role="redis",
        command=redis_server.command(settings.redis_port),
        folder=folder,
        log=data / "logs" / "redis.log",
        url=url,
        is_ready=lambda: redis_server.answers(url),
    )


def edge(settings: Settings, data: Path) -> Program:
    """Return our own gateway, its folder prepared. Raises NoEdge."""
    folder = data / "edge"
    nginx.prepare(folder, settings)
    url = http_url(settings, settings.edge_port)
    return Program(
        name="edge",
        role="edge",
        command=nginx.command(folder),
        folder=folder,
        log=data / "logs" / "edge.log",
        url=url,
        is_ready=lambda: get(f"{url}/edge/live") is not None,
    )


def member(
    role: str, number: int, ops_port: int, settings: Settings, data: Path, secrets: Mapping[str, str]
) -> Program:
    """Return one process of ours."""
    name = f"{role}-{number}"
    metrics = f"http://127.0.0.1:{ops_port}/metrics"
    url = {"ingress": http_url(settings), "payments": settings.provider}.get(role, metrics)
    return Program(
        name=name,
        role=role,
        command=[sys.executable, "-m", MODULES.get(role, role)],
        folder=ROOT,
        log=data / "logs" / f"{name}.log",
        url=url,
        is_ready=lambda: shows_ready(metrics),
        environment={
            "PROMO_INSTANCE": name,
            "PROMO_OPS_PORT": str(ops_port),
            "PROMO_KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
            "PROMO_REDIS_URL": settings.redis,
            "PROMO_DATA_DIR": str(data),
            **shared_metrics.environment(data),
            **{name: value for name, value in secrets.items() if role in READERS.get(name, ROLES)},
        },
        ops_port=ops_port,
    )


def http_url(settings: Settings, port: int | None = None) -> str:
    """Return where a browser on this machine finds ingress, or what listens beside it on another port."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.http_host, settings.http_host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port or settings.http_port}"


def shows_ready(metrics_url: str) -> bool:
    """Say whether a process's own metrics say that it does its work."""
    body = get(metrics_url)
    return body is not None and READY.search(body) is not None


def get(url: str) -> bytes | None:
    """Return the body of a 200 answer; None for any other and for none. Blocks for at most a second."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy
    try:
        with direct.open(url, timeout=1.0) as response:
            return bytes(response.read()) if response.status == 200 else None
    except OSError:
        return None
