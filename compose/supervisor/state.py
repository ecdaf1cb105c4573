"""What the supervisor tells of itself: one file, replaced whole, read by up, down and ps."""

import os
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from compose import children, locks

Purpose = Literal["up", "demo"]


class Running(Struct, frozen=True):
    """One process that was started."""

    name: str
    role: str
    pid: int
    url: str
    log: str
    restarts: int = 0


class State(Struct, frozen=True):
    """All of them, and who keeps them."""

    supervisor: int
    purpose: Purpose
    url: str
    ready: bool = False
    processes: list[Running] = []


class Home:
    """The folder of a stack: its lock, its state, its control socket, its logs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = folder / "supervisor.lock"
        self.control = folder / "control.sock"
        self.log = folder / "logs" / "supervisor.log"
        self._state = folder / "state.json"

    def begin(self, purpose: Purpose, url: str) -> None:
        """Say who we are, before anything is started."""
        self.clear()
        self.write(State(os.getpid(), purpose, url))

    def write(self, state: State) -> None:
        """Replace the state, so that a reader sees the old or the new one, never half of it."""
        fresh = self._state.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(state))
        fresh.replace(self._state)

    def read(self) -> State | None:
        """Return the state of a stack that runs now; None where none does."""
        if not locks.is_held(self.lock):
            return None
        try:
            return msgspec.json.decode(self._state.read_bytes(), type=State)
        except (FileNotFoundError, msgspec.MsgspecError):  # it has just begun
            return None

    def clear(self) -> None:
        """Remove what speaks of a running stack."""
        self._state.unlink(missing_ok=True)
        self.control.unlink(missing_ok=True)

    def alive(self) -> list[Running]:
        """Return the processes that run now."""
        state = self.read()
        return [process for process in state.processes if children.is_alive(process.pid)] if state else []
