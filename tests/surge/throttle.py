"""Workers held to a share of a core, as a container's limit does: stopped and let go, twenty times a second."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress

from compose.supervisor.state import Home

PERIOD = 0.05


async def hold(home: Home, role: str, share: float) -> None:
    """Hold each process of a role to this share of a core, until cancelled."""
    try:
        while True:
            _tell(home, role, signal.SIGSTOP)
            await asyncio.sleep((1 - share) * PERIOD)
            _tell(home, role, signal.SIGCONT)
            await asyncio.sleep(share * PERIOD)
    finally:
        _tell(home, role, signal.SIGCONT)


def _tell(home: Home, role: str, number: signal.Signals) -> None:
    for pid in _pids(home, role):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _pids(home: Home, role: str) -> Iterator[int]:
    return (process.pid for process in home.alive() if process.role == role)
