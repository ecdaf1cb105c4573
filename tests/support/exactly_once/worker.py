"""A real stream worker as a process."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from compose import ports


class Worker:
    """`python -m streams` with its own folder."""

    def __init__(self, bootstrap: str, data_dir: Path, instance: str, **settings: object) -> None:
        self.instance = instance
        self.data_dir = data_dir
        self.log = data_dir / f"{instance}.log"
        self._metrics = ports.any_free()
        environment = {
            **os.environ,
            "PROMO_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "PROMO_DATA_DIR": str(data_dir),
            "PROMO_INSTANCE": instance,
            "PROMO_OPS_PORT": str(self._metrics),
            "PROMO_SESSION_TIMEOUT_SECONDS": "3",
            **{f"PROMO_{name.upper()}": str(value) for name, value in settings.items()},
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streams"], env=environment, stdout=log, stderr=log
            )

    def ready(self) -> "Worker":
        """Return when it processes its partitions."""
        self.wait_until(lambda: "promo_ready 1.0" in self.metrics(), "is not ready")
        return self

    def wait_until_dead(self) -> int:
        self.wait_until(lambda: self.process.poll() is not None, "did not die")
        return self.process.returncode

    def wait_until(self, condition, message: str, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.instance} {message}:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)

    def metrics(self) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics}/metrics", timeout=1) as answer:
                return answer.read().decode()
        except OSError:
            return ""

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
