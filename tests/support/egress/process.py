"""`python -m egress` as a process, and its command line."""

import os
import subprocess
import sys
from pathlib import Path

from compose import ports
from compose.supervisor.services import ROOT, fetch
from tests.support.stack import Server


class Egress(Server):
    """One egress process over given servers."""

    def __init__(self, data_dir: Path, kafka: str, redis_url: str, **settings: object) -> None:
        self.metrics_url = f"http://{ports.LOOPBACK}:{(ops := ports.any_free())}/metrics"
        self.log = data_dir / "egress.log"
        data_dir.mkdir(parents=True, exist_ok=True)
        command = [
            "env",
            f"PYTHONPATH={ROOT}",
            f"PROMO_KAFKA_BOOTSTRAP_SERVERS={kafka}",
            f"PROMO_REDIS_URL={redis_url}",
            f"PROMO_OPS_PORT={ops}",
            "PROMO_INSTANCE=egress-1",
            "PROMO_SESSION_TIMEOUT_SECONDS=3",
            *(f"PROMO_{name.upper()}={value}" for name, value in settings.items()),
            sys.executable,
            "-m",
            "egress",
        ]
        super().__init__(lambda: command, data_dir, self.log, lambda: "promo_ready 1.0" in self.metrics())

    def metrics(self) -> str:
        """What it shows; empty while it shows nothing."""
        return (fetch(self.metrics_url) or b"").decode()

    def metric(self, line: str) -> float:
        """The value of one series, named as in the text; 0 where there is none."""
        return next(
            (float(m.rpartition(" ")[2]) for m in self.metrics().splitlines() if m.startswith(line + " ")),
            0.0,
        )


def dlq(kafka: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m egress dlq`."""
    return subprocess.run(
        [sys.executable, "-m", "egress", "dlq", *arguments],
        cwd=ROOT,
        env={**os.environ, "PROMO_KAFKA_BOOTSTRAP_SERVERS": kafka},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
