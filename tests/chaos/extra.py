"""A process of the product that the tests start themselves, beside those that the supervisor keeps."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from compose import ports, subprocesses
from compose.supervisor import services

READY_SECONDS = 60.0
STOP_SECONDS = 15.0
RESTART_SECONDS = 0.5


class Extra:
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
        """Start it, anew where it ran before."""
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

    async def ready(self) -> None:
        """Return once it does its work; raises TimeoutError. Started again when it ends, as a supervisor does."""
        async with asyncio.timeout(READY_SECONDS):
            while not await asyncio.to_thread(services.reports_ready, self._metrics):
                await self.keep()

    async def killed(self, seconds: float) -> None:
        """Return once it has died by SIGKILL; raises TimeoutError. Started again when it ends otherwise."""
        async with asyncio.timeout(seconds):
            while self._process.poll() != -signal.SIGKILL:
                await self.keep()

    async def keep(self) -> None:
        """Wait a moment; start it again where it has ended by itself."""
        await asyncio.sleep(0.1)
        code = self._process.poll()
        if code is not None and code != -signal.SIGKILL:
            await asyncio.sleep(RESTART_SECONDS)
            self.start()

    def kill(self) -> None:
        """kill -9."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    async def stop(self) -> None:
        """Ask it to end; after a while make it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        deadline = asyncio.get_running_loop().time() + STOP_SECONDS
        while self._process.poll() is None and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)
        self.kill()
