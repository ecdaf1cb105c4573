"""File locks that the kernel gives back when their holder dies."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

#: `is_held` takes the lock for an instant; whoever wants it without waiting tries for longer than that.
PATIENCE_SECONDS = 0.2


@contextmanager
def held(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold the lock for the block; yields False where it is not had and `wait` is false."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        if wait:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield True
        else:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not (got := _take(file, fcntl.LOCK_EX)) and time.monotonic() < deadline:
                time.sleep(0.02)
            yield got


def is_held(path: Path) -> bool:
    """Say whether some process holds the lock."""
    with suppress(FileNotFoundError), path.open("r") as file:
        return not _take(file, fcntl.LOCK_SH)
    return False


def _take(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
