"""File locks that the kernel releases when their owner dies."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

#: `is_locked` takes the lock for an instant, so `acquire` without waiting retries for longer than that.
WAIT_TIMEOUT_SECONDS = 0.2
RETRY_INTERVAL_SECONDS = 0.02


@contextmanager
def acquire(path: Path, *, wait: bool) -> Iterator[bool]:
    """Keep the lock for the block. Yields False if `wait` is false and another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        if wait:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield True
        else:
            deadline = time.monotonic() + WAIT_TIMEOUT_SECONDS
            while not (acquired := _try_lock(file, fcntl.LOCK_EX)) and time.monotonic() < deadline:
                time.sleep(RETRY_INTERVAL_SECONDS)
            yield acquired


def is_locked(path: Path) -> bool:
    """Return True if some process has the lock."""
    with suppress(FileNotFoundError), path.open("r") as file:
        return not _try_lock(file, fcntl.LOCK_SH)
    return False


def _try_lock(file: IO[str], mode: int) -> bool:
    try:
        fcntl.flock(file, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
