"""A stack from its first check to its end; what up's supervisor and the demo have in common."""

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
from compose.supervisor.state import Home, Purpose
from schemas.settings import Settings


def prepare(settings: Settings, report: Report) -> Java | None:
    """Check what can be checked and install what is missing; returns the Java for our own Kafka, if it is ours.

    Raises StackError.
    """
    preflight.required_ports(settings)
    if settings.edge:
        nginx.executable()
    if settings.kafka_bootstrap_servers:
        return None
    java = find()
    jars.install(java, report)
    return java


@asynccontextmanager
async def running(
    settings: Settings,
    home: Home,
    data: Path,
    report: Report,
    purpose: Purpose,
    java: Java | None,
) -> AsyncIterator[Stack]:
    """Start a stack, stop it at the end of the block. Raises StackError."""
    stack = Stack(settings, home, data, report, purpose)
    try:
        async with control.served(home, stack):
            await stack.start(java)
            yield stack
    finally:
        await stack.stop()


async def until_signalled(work: Coroutine[object, object, int]) -> int | None:
    """Run the work, and return its result; None where a signal ended it first.

    The first SIGINT or SIGTERM ends it in order. A second one ends this process at once, and the kernel ends
    its children (compose/execute.py).
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
