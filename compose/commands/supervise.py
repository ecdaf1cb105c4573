"""python -m compose supervise: the process that make up leaves behind."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from compose import locks
from compose.errors import AlreadyRunning, StackError
from compose.progress import Event, Report
from compose.supervisor import program, session
from compose.supervisor.state import Home
from schemas.settings import Settings


def run(settings: Settings, report_fd: int) -> int:
    """Keep a stack until told to stop; tells its progress on a descriptor, one JSON event a line."""
    home = Home(Path(settings.data_dir).resolve())
    report = _to(report_fd)
    with locks.held(home.lock, wait=False) as ours:
        try:
            if not ours:
                raise AlreadyRunning(home.folder)
            home.begin("up", program.http_url(settings))
            java = session.prepare(settings, report)

            async def work() -> int:
                async with session.running(settings, home, home.folder, report, "up", java) as stack:
                    report(Event("ready", stack.url))
                    await asyncio.Event().wait()  # until a signal
                return 0

            asyncio.run(session.until_signalled(work()))
        except StackError as error:
            report(Event("failed", str(error)))
            return 1
    return 0


def _to(report_fd: int) -> Report:
    """Return a Report for whoever started us, who may be gone, and for our log."""

    def report(event: Event) -> None:
        print(event.kind, event.text, flush=True)
        with suppress(OSError):
            os.write(report_fd, msgspec.json.encode(event) + b"\n")

    return report
