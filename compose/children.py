"""How a process of ours is started: tied to its parent, away from the terminal, its output in a log."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

EXECUTE = Path(__file__).with_name("execute.py")
LOG_CAP = 16 * 2**20  # bytes; a longer log is set aside at the next start, and the one before it dropped


def tied(command: Sequence[str]) -> list[str]:
    """Return the command that dies with the *thread* that starts it: start it from the main thread."""
    return [sys.executable, "-I", "-S", str(EXECUTE), str(os.getpid()), *command]


@contextmanager
def log_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a log for appending, for as long as it takes to start a process on it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_CAP:
        path.replace(path.with_suffix(".log.1"))
    with path.open("ab") as file:
        yield file


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return our own environment with `extra` on top; output is not held back in buffers."""
    return {**os.environ, "PYTHONUNBUFFERED": "1", **extra}


def is_alive(pid: int) -> bool:
    """Say whether the process runs; one that has ended and was not yet collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
