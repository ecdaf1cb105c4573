"""The broker's start-up cache is built while the stack idles."""

import asyncio
import sys
from contextlib import suppress

from compose import subprocesses
from compose.kafka import startup_cache
from compose.kafka.java import Java
from compose.supervisor.services import ROOT

#: By then the person who started the stack no longer waits for it.
IDLE_DELAY_SECONDS = 30.0


async def build_cache_when_idle(java: Java) -> None:
    """Build the cache if it is missing. A cancellation leaves nothing behind."""
    await asyncio.sleep(IDLE_DELAY_SECONDS)
    if not startup_cache.is_missing(java):
        return
    process = await asyncio.create_subprocess_exec(
        *subprocesses.die_with_parent([sys.executable, "-m", "compose.kafka.startup_cache_builder"]),
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        await process.wait()
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
