"""Which ports are free."""

import socket
from collections.abc import Container
from itertools import chain

from compose.errors import StackError

LOOPBACK = "127.0.0.1"
MAX_PORT = 65_535
#: The first port that needs no privilege.
MIN_PORT = 1_024


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Return True if a server could listen there alone."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as candidate:
        # without SO_REUSEPORT, so that a port that others share counts as taken
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((host, port))
            candidate.listen(1)
        except (OSError, OverflowError):
            return False
    return True


def any_free() -> int:
    """Return a port that is free now."""
    with socket.socket() as candidate:
        candidate.bind((LOOPBACK, 0))
        port: int = candidate.getsockname()[1]
        return port


def free_pair() -> int:
    """Return a free port whose successor is free too."""
    while not is_free((port := any_free()) + 1):
        pass
    return port


def _check_address(host: str) -> None:
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as candidate:
            candidate.bind((host, 0))
    except OSError as error:
        raise StackError(f"nothing can listen on {host}: {error.strerror or error}.") from None


def next_free(first: int, in_use: Container[int], count: int = 1, host: str = LOOPBACK) -> int:
    """Return the first of `count` free ports in a row, searched from `first` on; `first` 0: any.

    Ports of `in_use` are skipped. Raises StackError if there are none.
    """
    _check_address(host)
    if first == 0:
        while (port := any_free()) in in_use:
            pass
        return port
    last = MAX_PORT + 1 - count
    for port in chain(range(first, last + 1), range(MIN_PORT, first)):
        if all(other not in in_use and is_free(other, host) for other in range(port, port + count)):
            return port
    raise StackError("no port is free.")
