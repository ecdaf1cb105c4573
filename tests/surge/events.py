"""What happens to the stack in mid-window: a worker is killed, one joins, one leaves."""

import asyncio
import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from msgspec import Struct

from compose import subprocesses
from compose.supervisor import control, services
from compose.supervisor.stack_state import RunningProcess, StackDir

BACK_SECONDS = 60.0
#: What the autoscaler may do on a machine of two cores.
AUTOSCALE = (
    *("--min", "streams=1", "ingress=1", "--max", "streams=3", "ingress=2"),
    *("--promotion-min", "streams=2", "ingress=2", "--stabilization-seconds", "60"),
)


class Event(Struct):
    """When something happened, in seconds of the window, and how long until all processes worked again."""

    at: float
    what: str
    seconds: float | None = None


class Happenings:
    """Does them at their time."""

    def __init__(self, home: StackDir, begin_at: float) -> None:
        self.events: list[Event] = []
        self._home = home
        self._begin_at = begin_at
        self._workers = len(self._running("streams"))

    async def at(self, second: float, happen: Callable[[], Awaitable[str]]) -> None:
        """Let something happen at a second of the window."""
        await asyncio.sleep(max(0.0, self._begin_at + second - time.time()))
        event = Event(time.time() - self._begin_at, "")
        event.what = await happen()
        began_at = self._begin_at + event.at
        while time.time() < began_at + BACK_SECONDS and not await asyncio.to_thread(self._well):
            await asyncio.sleep(0.1)
        if time.time() < began_at + BACK_SECONDS:
            event.seconds = time.time() - began_at
        self.events.append(event)

    def size(self) -> dict[str, int]:
        """Return how many processes each role has now."""
        return dict(Counter(process.role for process in self._home.running_processes()))

    async def kill(self) -> str:
        """kill -9 a worker; the supervisor starts another in its place."""
        victim = self._running("streams")[-1]
        os.kill(victim.pid, signal.SIGKILL)
        while any(process.pid == victim.pid for process in self._home.running_processes()):
            await asyncio.sleep(0.02)
        return f"kill -9 {victim.name}"

    async def scale(self, **wanted: int) -> str:
        """As `make scale`."""
        answer = await asyncio.to_thread(control.request_scale, self._home, wanted)
        if answer.error is not None:
            raise RuntimeError(answer.error)
        self._workers = wanted.get("streams", self._workers)
        return "scale " + " ".join(f"{role}={number}" for role, number in wanted.items())

    async def autoscale(self, environment: dict[str, str]) -> None:
        """Let the autoscaler work until cancelled, and note what it does."""
        process = await asyncio.create_subprocess_exec(
            *subprocesses.die_with_parent([sys.executable, "-m", "compose", "autoscale", *AUTOSCALE]),
            cwd=services.ROOT,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                what, _, became = line.decode().strip().rpartition(": ")
                took = re.fullmatch(r"in ([0-9.]+) s", became)
                seconds = float(took[1]) if took else None
                self.events.append(Event(time.time() - self._begin_at - (seconds or 0), what, seconds))
                self._workers = self.size()["streams"]
        finally:
            process.terminate()
            await process.wait()

    def _running(self, role: str) -> list[RunningProcess]:
        return [process for process in self._home.running_processes() if process.role == role]

    def _well(self) -> bool:
        """Say whether all workers are there, and work."""
        workers = self._running("streams")
        return len(workers) == self._workers and all(services.reports_ready(w.url) for w in workers)
