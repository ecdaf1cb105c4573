"""promo down: stop what up started."""

import os
import signal
import time
from contextlib import suppress

from rich.console import Console

from compose import file_locks
from compose.errors import StackError
from compose.supervisor.stack_state import StackDir
from schemas.settings import Settings

#: Four roles and two servers, 10 s each at worst.
STOP_TIMEOUT_SECONDS = 90.0
POLL_INTERVAL_SECONDS = 0.05


def run(settings: Settings, console: Console) -> int:
    """Return once no process of the stack runs. Raises StackError."""
    stack_dir = StackDir.of(settings)
    if not file_locks.is_locked(stack_dir.lock):
        stack_dir.clear()
        console.print(f"No stack runs in {stack_dir.folder}.", soft_wrap=True)
        return 0
    state = stack_dir.read_state()
    if state is None:
        raise StackError("the stack is starting or stopping right now; try again in a moment.")
    if state.purpose == "demo":
        raise StackError("a demo runs here; stop it with Ctrl-C where it was started.")
    with console.status("stopping"):
        _stop(state.supervisor, stack_dir)
    console.print("Stopped.")
    return 0


def _stop(supervisor: int, stack_dir: StackDir) -> None:
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
    with suppress(ProcessLookupError):
        os.kill(supervisor, signal.SIGTERM)
        while file_locks.is_locked(stack_dir.lock) and time.monotonic() < deadline:
            time.sleep(POLL_INTERVAL_SECONDS)
        if file_locks.is_locked(stack_dir.lock):
            os.kill(supervisor, signal.SIGKILL)  # the kernel kills its children
    stack_dir.clear()
