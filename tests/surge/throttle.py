"""Workers held to a share of a core, as a container's limit does: each stopped and let go, twenty times a second.

Each in its own time, as if it had a core of its own: those that joined one after the other run one after the other.
"""

import asyncio
import os
import signal
from contextlib import suppress

from compose.supervisor.stack_state import StackDir

PERIOD = 0.05


async def hold(home: StackDir, role: str, share: float) -> None:
    """Hold each process of a role to this share of a core, until cancelled."""
    holding: dict[int, asyncio.Task[None]] = {}
    try:
        while True:
            for process in home.running_processes():
                if process.role == role and process.pid not in holding:
                    holding[process.pid] = asyncio.create_task(_hold(process.pid, share))
                    await asyncio.sleep(PERIOD / 2)
            await asyncio.sleep(PERIOD)
    finally:
        for task in holding.values():
            task.cancel()
        await asyncio.gather(*holding.values(), return_exceptions=True)


async def _hold(pid: int, share: float) -> None:
    """Hold a process until it has ended."""
    with suppress(ProcessLookupError):
        try:
            while True:
                os.kill(pid, signal.SIGSTOP)
                await asyncio.sleep((1 - share) * PERIOD)
                os.kill(pid, signal.SIGCONT)
                await asyncio.sleep(share * PERIOD)
        finally:
            os.kill(pid, signal.SIGCONT)
