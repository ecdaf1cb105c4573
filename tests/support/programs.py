"""Stacks for programs: started for one run, and stopped however the run ends."""

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compose import file_locks
from compose.supervisor.stack_state import StackDir
from tests.e2e.stack import Stack


@contextmanager
def temporary_stack(**settings: object) -> Iterator[Stack]:
    """Run a stack in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="promo-") as folder:
        stack = Stack(Path(folder), **settings)
        try:
            yield stack
        finally:
            stack.compose("down")


@contextmanager
def fresh_stack(folder: Path, **settings: object) -> Iterator[Stack]:
    """Run a stack in this folder, which is emptied first and kept afterwards.

    Exits the program if another stack uses the folder.
    """
    if file_locks.is_locked(StackDir(folder).lock):
        sys.exit(f"another stack uses {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    stack = Stack(folder, **settings)
    try:
        yield stack
    finally:
        stack.compose("down")


def exit_on_sigterm() -> None:
    """Let SIGTERM raise SystemExit, so that the stack is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
