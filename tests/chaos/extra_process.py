"""A process of the product that a program starts itself, outside the supervisor."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from compose import ports, subprocesses
from compose.supervisor import services

READY_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 15.0
RESTART_DELAY_SECONDS = 0.5


class ExtraProcess:
    """`python -m ROLE` as one more member. Start it from the main thread: it dies with the thread that starts it."""

    def __init__(self, role: str, instance: str, data_dir: Path, environment: dict[str, str]) -> None:
        self.name = instance
        self._command = subprocesses.die_with_parent([sys.executable, "-m", role])
        self._log = data_dir / "logs" / f"{instance}.log"
        ops_port = ports.any_free()
        self._metrics = f"http://{ports.LOOPBACK}:{ops_port}/metrics"
        self._environment = {
            **os.environ,
            "PROMO_INSTANCE": instance,
            "PROMO_OPS_PORT": str(ops_port),
            "PROMO_DATA_DIR": str(data_dir),
            **environment,
        }
        self.start()

    def start(self) -> None:
        """Start the process; also after it has ended."""
        with subprocesses.open_log(self._log) as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=services.ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def wait_until_ready(self) -> None:
        """Return once it reports ready; restart it if it ends before. Raises TimeoutError."""
        async with asyncio.timeout(READY_TIMEOUT_SECONDS):
            while not await asyncio.to_thread(services.reports_ready, self._metrics):
                await self.restart_if_ended()

    async def wait_until_killed(self, seconds: float) -> None:
        """Return once it has died by SIGKILL; restart it if it ends otherwise. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while self._process.poll() != -signal.SIGKILL:
                await self.restart_if_ended()

    async def restart_if_ended(self) -> None:
        """Wait 0.1 s, then restart the process if it has ended by itself, as a supervisor does."""
        await asyncio.sleep(0.1)
        code = self._process.poll()
        if code is not None and code != -signal.SIGKILL:
            await asyncio.sleep(RESTART_DELAY_SECONDS)
            self.start()

    def kill(self) -> None:
        """kill -9."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    async def stop(self) -> None:
        """Send SIGTERM; kill the process if it does not end within STOP_TIMEOUT_SECONDS."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        deadline = asyncio.get_running_loop().time() + STOP_TIMEOUT_SECONDS
        while self._process.poll() is None and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)
        self.kill()
