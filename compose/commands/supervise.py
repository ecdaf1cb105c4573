"""promo supervise: the process that `promo up` leaves in the background."""

import asyncio
import os
from contextlib import suppress

import msgspec

from compose import file_locks
from compose.errors import AlreadyRunning, StackError
from compose.progress import ProgressEvent, ProgressKind, Report
from compose.supervisor import services, session
from compose.supervisor.stack_state import StackDir
from schemas.settings import Settings


def run(settings: Settings, report_fd: int) -> int:
    """Run a stack until a signal; writes its progress to a file descriptor, one JSON event a line."""
    stack_dir = StackDir.of(settings)
    report = _write_to(report_fd)
    with file_locks.acquire(stack_dir.lock, wait=False) as acquired:
        try:
            if not acquired:
                raise AlreadyRunning(stack_dir.folder)
            stack_dir.write_initial_state("up", services.http_url(settings))
            java = session.prepare(settings, report)

            async def work() -> int:
                async with session.running_stack(
                    settings, stack_dir, stack_dir.folder, report, "up", java
                ) as stack:
                    report("ready", stack.url)
                    await asyncio.Event().wait()  # until a signal
                return 0

            asyncio.run(session.run_until_signalled(work()))
        except StackError as error:
            report("failed", str(error), error.exit_status)
            return error.exit_status
    return 0


def _write_to(report_fd: int) -> Report:
    """Return a Report for `promo up`, which may have ended, and for our log."""

    def report(kind: ProgressKind, text: str, exit_status: int = 0) -> None:
        print(kind, text, flush=True)
        with suppress(OSError):
            os.write(report_fd, msgspec.json.encode(ProgressEvent(kind, text, exit_status)) + b"\n")

    return report
