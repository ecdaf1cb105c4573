"""python -m compose down: stop what up started."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from compose import locks
from compose.errors import StackError
from compose.supervisor.state import Home
from schemas.settings import Settings

LIMIT_SECONDS = 90.0  # four roles and two servers, 10 s each at worst


def run(settings: Settings, console: Console) -> int:
    """Return once nothing of it runs. Raises StackError."""
    home = Home(Path(settings.data_dir).resolve())
    if not locks.is_held(home.lock):
        home.clear()
        console.print(f"No stack runs in {home.folder}.", soft_wrap=True)
        return 0
    state = home.read()
    if state is None:
        raise StackError("the stack is just being started or stopped; try again in a moment.")
    if state.purpose == "demo":
        raise StackError("a demo runs here; stop it with Ctrl-C where it was started.")
    with console.status("stopping"):
        _end(state.supervisor, home)
    console.print("Stopped.")
    return 0


def _end(supervisor: int, home: Home) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    with suppress(ProcessLookupError):
        os.kill(supervisor, signal.SIGTERM)
        while locks.is_held(home.lock) and time.monotonic() < deadline:
            time.sleep(0.05)
        if locks.is_held(home.lock):
            os.kill(supervisor, signal.SIGKILL)  # the kernel ends its children
    home.clear()
