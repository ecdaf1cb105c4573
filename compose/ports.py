"""Which ports are free."""

import socket
from collections.abc import Container

from compose.errors import PortTaken

LOOPBACK = "127.0.0.1"


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Say whether a server could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as candidate:
        candidate.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # not SO_REUSEPORT: nobody else may be there
        try:
            candidate.bind((host, port))
            candidate.listen(1)
        except OSError:
            return False
    return True


def require(port: int, what: str, setting: str, host: str = LOOPBACK) -> None:
    """Raise PortTaken unless the port is free."""
    if not is_free(port, host):
        raise PortTaken(port, what, setting)


def any_free() -> int:
    """Return a port that is free now."""
    with socket.socket() as candidate:
        candidate.bind((LOOPBACK, 0))
        port: int = candidate.getsockname()[1]
        return port


def next_free(first: int, in_use: Container[int]) -> int:
    """Return the first free port from `first` on that is not set aside; `first` 0: any."""
    if first == 0:
        return any_free()
    return next(port for port in range(first, 65536) if port not in in_use and is_free(port))
