"""How our processes are started: they die with their parent, have no terminal, and write to a log file."""

import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

EXEC_TIED = Path(__file__).with_name("exec_tied.py")
#: A longer log is moved to NAME.log.1 at the next start.
MAX_LOG_BYTES = 16 * 2**20


def die_with_parent(command: Sequence[str]) -> list[str]:
    """Return a command that the kernel kills when its parent *thread* ends: start it from the main thread."""
    return [sys.executable, "-I", "-S", str(EXEC_TIED), str(os.getpid()), *command]


@contextmanager
def open_log(path: Path) -> Iterator[IO[bytes]]:
    """Open a log for appending while a process is started on it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    with path.open("ab") as file:
        yield file


def child_environment(extra: Mapping[str, str], without: Collection[str] = ()) -> dict[str, str]:
    """Return our environment, less the variables `without`, with `extra` on top; Python's output is unbuffered."""
    inherited = {name: value for name, value in os.environ.items() if name not in without}
    return {**inherited, "PYTHONUNBUFFERED": "1", **extra}


def is_alive(pid: int) -> bool:
    """Return True if the process runs; False for a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
