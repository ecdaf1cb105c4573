"""Is a broker there? It answers ApiVersions only once it serves clients."""

import socket
import struct

API_VERSIONS = 18
#: Length, api key, api version 0, correlation id 7, no client id.
REQUEST = struct.pack(">ihhih", 10, API_VERSIONS, 0, 7, -1)
ANSWER = struct.Struct(">iih")  # length, correlation id, error code


def answers(bootstrap_servers: str, timeout: float = 1.0) -> bool:
    """Say whether any of the servers answers; blocks for at most `timeout` seconds for each."""
    return any(_answers(server.strip(), timeout) for server in bootstrap_servers.split(","))


def _answers(server: str, timeout: float) -> bool:
    host, _, port = server.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout) as connection:
            connection.sendall(REQUEST)
            raw = b""
            while len(raw) < ANSWER.size:
                if not (chunk := connection.recv(4096)):
                    return False
                raw += chunk
    except (OSError, ValueError):
        return False
    _, correlation, error = ANSWER.unpack_from(raw)
    return bool(correlation == 7 and error == 0)
