"""How a running supervisor receives scale requests: a socket in its folder, one JSON line each way."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from compose.errors import StackError
from compose.supervisor.stack import Stack
from compose.supervisor.stack_state import StackDir

#: A new process may need long to be ready.
REPLY_TIMEOUT_SECONDS = 180.0


class ScaleRequest(Struct, frozen=True):
    """The new number of processes of each role."""

    counts: dict[str, int]


class ControlReply(Struct, frozen=True):
    """The error, or None once the request is carried out."""

    error: str | None = None


@asynccontextmanager
async def serve(stack_dir: StackDir, stack: Stack) -> AsyncIterator[None]:
    """Answer requests during the block."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            request = msgspec.json.decode(await reader.readline(), type=ScaleRequest)
            writer.write(msgspec.json.encode(await _scale(stack, request)) + b"\n")
            await writer.drain()
        writer.close()

    stack_dir.control.unlink(missing_ok=True)
    with _short_path(stack_dir.control) as path:
        server = await asyncio.start_unix_server(answer, path)
        stack_dir.control.chmod(0o600)
    try:
        yield
    finally:
        server.close()


def request_scale(stack_dir: StackDir, counts: dict[str, int]) -> ControlReply:
    """Send a request to the supervisor of this folder and return its reply. Raises OSError."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(REPLY_TIMEOUT_SECONDS)
        with _short_path(stack_dir.control) as path:
            connection.connect(path)
        connection.sendall(msgspec.json.encode(ScaleRequest(counts)) + b"\n")
        with connection.makefile("rb") as replies:
            return msgspec.json.decode(replies.readline(), type=ControlReply)


async def _scale(stack: Stack, request: ScaleRequest) -> ControlReply:
    try:
        await stack.scale(request.counts)
    except StackError as error:
        return ControlReply(str(error))
    return ControlReply()


@contextmanager
def _short_path(path: Path) -> Iterator[str]:
    """Yield a path of the same file that fits a socket address, which has 107 bytes."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
