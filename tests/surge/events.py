"""Events in the window: a worker is killed, members join and leave, the autoscaler scales."""

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

RECOVERY_TIMEOUT_SECONDS = 60.0
#: Limits of the autoscaler on a machine with two cores.
AUTOSCALE = (
    *("--min", "streams=1", "ingress=1", "--max", "streams=3", "ingress=2"),
    *("--promotion-min", "streams=2", "ingress=2", "--stabilization-seconds", "60"),
)


class WindowEvent(Struct):
    """An event, its second in the window, and the seconds until all workers were ready; None: they were not in time."""

    at: float
    name: str
    seconds: float | None = None


class WindowEvents:
    """Causes the events of a window, and records them."""

    def __init__(self, directory: StackDir, begin_at: float) -> None:
        self.events: list[WindowEvent] = []
        self._dir = directory
        self._begin_at = begin_at
        self._workers = len(self._running("streams"))

    async def cause_at(self, second: float, cause: Callable[[], Awaitable[str]]) -> None:
        """Cause an event at a second of the window; `cause` returns its name."""
        await asyncio.sleep(max(0.0, self._begin_at + second - time.time()))
        event = WindowEvent(time.time() - self._begin_at, "")
        event.name = await cause()
        began_at = self._begin_at + event.at
        deadline = began_at + RECOVERY_TIMEOUT_SECONDS
        while time.time() < deadline and not await asyncio.to_thread(self._are_workers_ready):
            await asyncio.sleep(0.1)
        if time.time() < deadline:
            event.seconds = time.time() - began_at
        self.events.append(event)

    def size(self) -> dict[str, int]:
        """Return the number of processes of each role."""
        return dict(Counter(process.role for process in self._dir.running_processes()))

    async def kill(self) -> str:
        """kill -9 a worker; the supervisor starts a successor."""
        victim = self._running("streams")[-1]
        os.kill(victim.pid, signal.SIGKILL)
        while any(process.pid == victim.pid for process in self._dir.running_processes()):
            await asyncio.sleep(0.02)
        return f"kill -9 {victim.name}"

    async def scale(self, **wanted: int) -> str:
        """Scale as `make scale` does. Raises RuntimeError if it fails."""
        reply = await asyncio.to_thread(control.request_scale, self._dir, wanted)
        if reply.error is not None:
            raise RuntimeError(reply.error)
        self._workers = wanted.get("streams", self._workers)
        return "scale " + " ".join(f"{role}={number}" for role, number in wanted.items())

    async def autoscale(self, environment: dict[str, str]) -> None:
        """Run the autoscaler until cancelled, and record its actions from its output."""
        process = await asyncio.create_subprocess_exec(
            *subprocesses.die_with_parent([sys.executable, "-m", "compose", "autoscale", *AUTOSCALE]),
            cwd=services.ROOT,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                name, _, result = line.decode().strip().rpartition(": ")
                took = re.fullmatch(r"in ([0-9.]+) s", result)
                seconds = float(took[1]) if took else None
                self.events.append(WindowEvent(time.time() - self._begin_at - (seconds or 0), name, seconds))
                self._workers = self.size()["streams"]
        finally:
            process.terminate()
            await process.wait()

    def _running(self, role: str) -> list[RunningProcess]:
        return [process for process in self._dir.running_processes() if process.role == role]

    def _are_workers_ready(self) -> bool:
        """Return True if all workers run and report ready."""
        workers = self._running("streams")
        return len(workers) == self._workers and all(services.reports_ready(w.url) for w in workers)
