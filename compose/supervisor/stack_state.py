"""The state of a running stack: one file, which the supervisor replaces and up, down, ps and scale read."""

import os
from pathlib import Path
from typing import Literal, Self

import msgspec
from msgspec import Struct

from compose import file_locks, subprocesses
from schemas.settings import Settings

Purpose = Literal["up", "demo"]


class RunningProcess(Struct, frozen=True):
    """One process of the stack."""

    name: str
    role: str
    pid: int
    url: str
    log: str


class StackState(Struct, frozen=True):
    """All processes, and the pid of their supervisor. `admin_tokens` are fingerprints (admin_token.py)."""

    supervisor: int
    purpose: Purpose
    url: str
    ready: bool = False
    processes: list[RunningProcess] = []
    admin_tokens: list[str] = []


class StackDir:
    """The folder of a stack: its lock, its state, its control socket, its logs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = folder / "supervisor.lock"
        self.control = folder / "control.sock"
        self.log = folder / "logs" / "supervisor.log"
        self.admin_token = folder / "admin-token"
        self._state = folder / "state.json"

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the folder that the settings name."""
        return cls(Path(settings.data_dir).resolve())

    def write_initial_state(self, purpose: Purpose, url: str) -> None:
        """Name this process as the supervisor, before anything is started."""
        self.clear()
        self.write_state(StackState(os.getpid(), purpose, url))

    def write_state(self, state: StackState) -> None:
        """Replace the state atomically; only its owner may read it."""
        new = self._state.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_bytes(msgspec.json.encode(state))
        new.replace(self._state)

    def read_state(self) -> StackState | None:
        """Return the state of the stack that runs now, or None."""
        if not file_locks.is_locked(self.lock):
            return None
        try:
            return msgspec.json.decode(self._state.read_bytes(), type=StackState)
        except (FileNotFoundError, msgspec.MsgspecError):  # the supervisor has not written it yet
            return None

    def clear(self) -> None:
        """Remove the files that describe a running stack."""
        self._state.unlink(missing_ok=True)
        self.control.unlink(missing_ok=True)

    def running_processes(self) -> list[RunningProcess]:
        """Return the processes that run now."""
        state = self.read_state()
        return [process for process in state.processes if subprocesses.is_alive(process.pid)] if state else []
