"""How full the storages are that a process depends on: an alert is due before one of them is full."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from schemas import metrics

#: Between two measurements, in seconds.
INTERVAL_SECONDS = 15.0


async def report(storage: str, measure: Callable[[], Awaitable[float | None]]) -> None:
    """Report the share of a storage that is in use until cancelled; None: it does not answer, or has no limit."""
    while True:
        if (share := await measure()) is not None:
            metrics.storage_used.labels(storage).set(share)
        await asyncio.sleep(INTERVAL_SECONDS)


async def disk_share(folder: Path) -> float | None:
    """Return the share of a folder's disk that is in use; None if the folder is missing, as after a lost disk."""
    try:
        usage = await asyncio.to_thread(shutil.disk_usage, folder)
    except OSError:
        return None
    return usage.used / usage.total
