"""Whether a broker serves clients: only then does it answer ApiVersions."""

import socket
import struct

API_VERSIONS = 18
#: Length, api key, api version 0, correlation id 7, no client id.
REQUEST = struct.pack(">ihhih", 10, API_VERSIONS, 0, 7, -1)
RESPONSE = struct.Struct(">iih")  # length, correlation id, error code


def is_up(bootstrap_servers: str, timeout: float = 1.0) -> bool:
    """Return True if any of the servers answers; blocks for at most `timeout` seconds for each."""
    return any(_is_up(server.strip(), timeout) for server in bootstrap_servers.split(","))


def _is_up(server: str, timeout: float) -> bool:
    host, _, port = server.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout) as connection:
            connection.sendall(REQUEST)
            raw = b""
            while len(raw) < RESPONSE.size:
                if not (chunk := connection.recv(4096)):
                    return False
                raw += chunk
    except (OSError, ValueError):
        return False
    _, correlation, error = RESPONSE.unpack_from(raw)
    return bool(correlation == 7 and error == 0)
