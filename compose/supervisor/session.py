"""A stack from its first check to its end; the supervisor of `up` and the demo share it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

from compose import preflight
from compose.edge import nginx
from compose.kafka import jars
from compose.kafka.java import Java, find
from compose.progress import Report
from compose.supervisor import control
from compose.supervisor.stack import Stack
from compose.supervisor.stack_state import Purpose, StackDir
from schemas.runtime import open_files
from schemas.settings import Settings


def prepare(settings: Settings, report: Report) -> Java | None:
    """Check all that can be checked before a start, and install the broker's jars if they are missing.

    Returns the Java for the local Kafka; None if the settings name an existing one. Raises StackError.
    """
    preflight.check_ports(settings)
    if settings.edge_enabled:
        nginx.find_executable()
    if settings.kafka_bootstrap_servers:
        return None
    java = find()
    jars.install(java, report)
    return java


@asynccontextmanager
async def running_stack(
    settings: Settings,
    stack_dir: StackDir,
    data: Path,
    report: Report,
    purpose: Purpose,
    java: Java | None,
) -> AsyncIterator[Stack]:
    """Start a stack, and stop it at the end of the block. Raises StackError."""
    open_files.raise_limit(settings.max_connections)  # of the parts, which inherit it
    stack = Stack(settings, stack_dir, data, report, purpose)
    try:
        async with control.serve(stack_dir, stack):
            await stack.start(java)
            yield stack
    finally:
        await stack.stop()


async def run_until_signalled(work: Coroutine[object, object, int]) -> int | None:
    """Run the work and return its result; None if a signal ended it first.

    The first SIGINT or SIGTERM cancels the work. A second one ends this process at once, and the kernel kills
    its children (compose/exec_tied.py).
    """
    task = asyncio.ensure_future(work)
    signalled = False

    def on_signal() -> None:
        nonlocal signalled
        if signalled:
            os._exit(1)
        signalled = True
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    try:
        return await task
    except asyncio.CancelledError:
        return None
