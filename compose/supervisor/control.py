"""How a running supervisor is told to scale: a socket in its folder, a JSON line each way."""

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
from compose.supervisor.state import Home

ANSWER_SECONDS = 180.0  # a new process may take its time to be ready


class Scale(Struct, frozen=True):
    """What is asked: so many processes of each of these roles."""

    wanted: dict[str, int]


class Answer(Struct, frozen=True):
    """What came of it; no error: done."""

    error: str | None = None


@asynccontextmanager
async def served(home: Home, stack: Stack) -> AsyncIterator[None]:
    """Answer requests for the length of the block."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            request = msgspec.json.decode(await reader.readline(), type=Scale)
            writer.write(msgspec.json.encode(await _scale(stack, request)) + b"\n")
            await writer.drain()
        writer.close()

    home.control.unlink(missing_ok=True)
    with _short(home.control) as path:
        server = await asyncio.start_unix_server(answer, path)
        home.control.chmod(0o600)
    try:
        yield
    finally:
        server.close()


def request(home: Home, wanted: dict[str, int]) -> Answer:
    """Ask the supervisor of this folder, and wait for its answer; raises OSError."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_SECONDS)
        with _short(home.control) as path:
            connection.connect(path)
        connection.sendall(msgspec.json.encode(Scale(wanted)) + b"\n")
        with connection.makefile("rb") as answers:
            return msgspec.json.decode(answers.readline(), type=Answer)


async def _scale(stack: Stack, asked: Scale) -> Answer:
    try:
        await stack.scale(asked.wanted)
    except StackError as error:
        return Answer(str(error))
    return Answer()


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield a name for the path that fits a socket address, which holds 107 bytes."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
