"""A CPU limit for workers, like that of a container: each process is stopped and continued twenty times a second.

The processes are stopped at different times, as if each had a core of its own.
"""

import asyncio
import os
import signal
from contextlib import suppress

from compose.supervisor.stack_state import StackDir

PERIOD_SECONDS = 0.05


async def throttle(directory: StackDir, role: str, share: float) -> None:
    """Limit each process of a role to this share of a core, until cancelled."""
    tasks: dict[int, asyncio.Task[None]] = {}
    try:
        while True:
            for process in directory.running_processes():
                if process.role == role and process.pid not in tasks:
                    tasks[process.pid] = asyncio.create_task(_throttle_process(process.pid, share))
                    await asyncio.sleep(PERIOD_SECONDS / 2)
            await asyncio.sleep(PERIOD_SECONDS)
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


async def _throttle_process(pid: int, share: float) -> None:
    """Limit a process until it has ended."""
    with suppress(ProcessLookupError):
        try:
            while True:
                os.kill(pid, signal.SIGSTOP)
                await asyncio.sleep((1 - share) * PERIOD_SECONDS)
                os.kill(pid, signal.SIGCONT)
                await asyncio.sleep(share * PERIOD_SECONDS)
        finally:
            os.kill(pid, signal.SIGCONT)
