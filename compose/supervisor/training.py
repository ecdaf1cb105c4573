"""The broker's start-up cache, made while the stack idles."""

import asyncio
import sys
from contextlib import suppress

from compose import children
from compose.kafka import startup_cache
from compose.kafka.java import Java
from compose.supervisor.program import ROOT

AFTER_SECONDS = 30.0  # by then whoever started the stack is not waiting for it any more


async def train_later(java: Java) -> None:
    """Make the cache where it is missing; cancelled, it leaves nothing behind."""
    await asyncio.sleep(AFTER_SECONDS)
    if not startup_cache.missing(java):
        return
    process = await asyncio.create_subprocess_exec(
        *children.tied([sys.executable, "-m", "compose.kafka.training"]),
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
