"""Keeps one service running: restarts it when it dies, stops it on request."""

import asyncio
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from compose import subprocesses
from compose.errors import SettingsRejected, StartFailed, tail_of
from compose.progress import Report
from compose.secret_readers import READERS
from compose.supervisor.services import Service
from compose.supervisor.stack_state import RunningProcess
from schemas.runtime import backoff

CRASH_WITHIN_SECONDS = 5.0  # a process that ends sooner has crashed at its start
MIN_DELAY_SECONDS = 0.2  # a program that cannot start must not use up the processor
MAX_DELAY_SECONDS = 0.8  # contract: started again within 1 s
MAX_CRASHES = 8  # in a row, before it was ever ready: then the start has failed
POLL_INTERVAL_SECONDS = 0.05
KILL_TIMEOUT_SECONDS = 5.0
BAD_SETTINGS_STATUS = 2  # of our processes, when a setting is wrong


def restart_delay(crash_count: int, random_unit: Callable[[], float] = random.random) -> float:
    """Return the seconds before a restart: 0 after the first crash, then with jitter, so that none move in step."""
    if crash_count <= 1:
        return 0.0
    return backoff.delay(
        crash_count,
        first_seconds=MAX_DELAY_SECONDS,
        max_seconds=MAX_DELAY_SECONDS,
        min_seconds=MIN_DELAY_SECONDS,
        random_unit=random_unit(),
    )


class SupervisedProcess:
    """One service and the process that runs it now.

    Args:
        on_change: called when a process starts and when it ends.
        on_exit: called with the pid of a process that has ended.
    """

    def __init__(
        self,
        service: Service,
        on_change: Callable[[], None],
        report: Report,
        on_exit: Callable[[int], None] = lambda pid: None,
    ) -> None:
        self.service = service
        self.restarts = 0
        self._on_change = on_change
        self._report = report
        self._on_exit = on_exit
        self._crash_count = 0
        self._was_ready = False
        self._rejection: SettingsRejected | None = None
        self._stopping = False
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def info(self) -> RunningProcess | None:
        """Return the process as `ps` prints it; None between an end and a restart."""
        process, service = self._process, self.service
        if process is None or process.returncode is not None:
            return None
        return RunningProcess(service.name, service.role, process.pid, service.url, str(service.log))

    def start(self) -> None:
        """Start a process, and restart it until `stop`."""
        self._task = asyncio.create_task(self._run_until_stopped(), name=f"supervise {self.service.name}")

    async def wait_until_ready(self, deadline: float) -> None:
        """Wait until the service works; `deadline` is in time.monotonic(). Raises StartFailed, SettingsRejected."""
        service = self.service
        while self.info is None or not await asyncio.to_thread(service.is_ready):
            if self._rejection is not None:
                raise self._rejection
            if self._crash_count >= MAX_CRASHES:
                raise StartFailed(service.name, "ends right after each start", service.log)
            if time.monotonic() > deadline:
                raise StartFailed(service.name, "was not ready in time", service.log)
            await asyncio.sleep(POLL_INTERVAL_SECONDS)
        self._was_ready = True

    async def stop(self, stop_timeout: float) -> None:
        """Send SIGTERM, and SIGKILL after `stop_timeout` seconds."""
        self._stopping = True
        if self._task is None:
            return
        self._signal(signal.SIGTERM)
        if self._process is None or self._process.returncode is not None:  # between an end and a restart
            self._task.cancel()
        _, unfinished = await asyncio.wait([self._task], timeout=stop_timeout)
        if unfinished:
            self._note(f"did not end within {stop_timeout:.0f} s and was killed")
            self._signal(signal.SIGKILL)
            await asyncio.wait([self._task], timeout=KILL_TIMEOUT_SECONDS)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _note(self, text: str) -> None:
        self._report("note", f"{self.service.name} {text}")

    async def _run_until_stopped(self) -> None:
        while True:
            log_start = _size(self.service.log)
            started_at = time.monotonic()
            status = await self._run_once()
            if self._stopping:
                return
            if status == BAD_SETTINGS_STATUS and not self._was_ready:  # another start would end the same way
                self._rejection = SettingsRejected(
                    self.service.name, tail_of(self.service.log, start=log_start)
                )
                return
            seconds = time.monotonic() - started_at
            self._crash_count = self._crash_count + 1 if seconds < CRASH_WITHIN_SECONDS else 1
            self.restarts += 1
            reason = f"signal {-status}" if status < 0 else f"status {status}"
            self._note(f"ended with {reason} after {seconds:.1f} s, restart {self.restarts}")
            await asyncio.sleep(restart_delay(self._crash_count))

    async def _run_once(self) -> int:
        """Run one process to its end; returns its exit status, negative for a signal."""
        service = self.service
        with subprocesses.open_log(service.log) as log:
            self._process = await asyncio.create_subprocess_exec(
                *subprocesses.die_with_parent(service.command),
                cwd=service.folder,
                env=subprocesses.child_environment(service.environment, without=READERS),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops all in order
            )
        self._on_change()
        status = await self._process.wait()
        self._on_exit(self._process.pid)
        self._on_change()
        return status


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0
