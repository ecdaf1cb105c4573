"""Keeps one program running: started again when it dies, stopped when told to."""

import asyncio
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from compose import children
from compose.errors import StartFailed
from compose.progress import Event, Report
from compose.supervisor.program import Program
from compose.supervisor.state import Running

QUICK_SECONDS = 5.0  # a life shorter than this counts as a failed start
LONGEST_DELAY_SECONDS = 0.8  # the contract: started again within 1 s
MOST_QUICK_DEATHS = 8  # in a row, before it was ever ready: it will not come up
POLL_SECONDS = 0.05
KILL_SECONDS = 5.0


def restart_delay(quick_deaths: int, chance: Callable[[], float] = random.random) -> float:
    """Return the seconds to wait: none at the first death, then a random while, so as not to move in step."""
    return 0.0 if quick_deaths <= 1 else LONGEST_DELAY_SECONDS * (0.25 + 0.75 * chance())


class Keeper:
    """One program and the process that runs it now."""

    def __init__(
        self,
        program: Program,
        changed: Callable[[], None],
        report: Report,
        ended: Callable[[int], None] = lambda pid: None,
    ) -> None:
        self.program = program
        self.restarts = 0
        self._changed = changed
        self._report = report
        self._ended = ended
        self._quick_deaths = 0
        self.stopping = False
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> Running | None:
        """Return the process as ps shows it; None between two lives."""
        process, program = self._process, self.program
        if process is None or process.returncode is not None:
            return None
        return Running(program.name, program.role, process.pid, program.url, str(program.log), self.restarts)

    def start(self) -> None:
        """Start it, and from now on keep it running."""
        self._task = asyncio.create_task(self._keep(), name=f"keep {self.program.name}")

    async def until_ready(self, deadline: float) -> None:
        """Wait until it does its work; `deadline` is of time.monotonic(). Raises StartFailed."""
        program = self.program
        while self.running is None or not await asyncio.to_thread(program.is_ready):
            if self._quick_deaths >= MOST_QUICK_DEATHS:
                raise StartFailed(program.name, "ends as soon as it is started", program.log)
            if time.monotonic() > deadline:
                raise StartFailed(program.name, "was not ready in time", program.log)
            await asyncio.sleep(POLL_SECONDS)

    async def stop(self, patience: float) -> None:
        """Ask it to end; after `patience` seconds make it."""
        self.stopping = True
        if self._task is None:
            return
        self._signal(signal.SIGTERM)
        if self._process is None or self._process.returncode is not None:  # between two lives
            self._task.cancel()
        _, unfinished = await asyncio.wait([self._task], timeout=patience)
        if unfinished:
            self._report(Event("note", f"{self.program.name} did not end in {patience:.0f} s and was killed"))
            self._signal(signal.SIGKILL)
            await asyncio.wait([self._task], timeout=KILL_SECONDS)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _keep(self) -> None:
        while True:
            born = time.monotonic()
            code = await self._live()
            if self.stopping:
                return
            lived = time.monotonic() - born
            self._quick_deaths = self._quick_deaths + 1 if lived < QUICK_SECONDS else 1
            self.restarts += 1
            why = f"by signal {-code}" if code < 0 else f"with {code}"
            self._report(
                Event("note", f"{self.program.name} ended {why} after {lived:.1f} s; restart {self.restarts}")
            )
            await asyncio.sleep(restart_delay(self._quick_deaths))

    async def _live(self) -> int:
        program = self.program
        with children.log_file(program.log) as log:
            self._process = await asyncio.create_subprocess_exec(
                *children.tied(program.command),
                cwd=program.folder,
                env=children.environment(program.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the supervisor, which stops them in order
            )
        self._changed()
        code = await self._process.wait()
        self._ended(self._process.pid)
        self._changed()
        return code
