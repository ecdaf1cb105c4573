"""The whole product as a user starts it: `make up`, on ports and in a folder of the tests."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from compose import ports
from compose.kafka.training import free_pair

ADMIN = "admin-of-the-tests"


class Stack:
    """`python -m compose up` and what can be done to it from outside."""

    def __init__(self, data_dir: Path, **settings: object) -> None:
        self.data_dir = data_dir
        self.url = f"http://127.0.0.1:{(http := ports.any_free())}"
        self.redis_port = ports.any_free()
        ops, provider = ports.any_free(), ports.any_free()
        self.provider_url = f"http://127.0.0.1:{provider}"
        kafka = free_pair()  # last, so that none of the others is its second
        self.bootstrap = f"127.0.0.1:{kafka}"
        self.environment = {
            **os.environ,
            "PROMO_DATA_DIR": str(data_dir),
            "PROMO_KAFKA_PORT": str(kafka),
            "PROMO_REDIS_PORT": str(self.redis_port),
            "PROMO_HTTP_PORT": str(http),
            "PROMO_OPS_PORT": str(ops),
            "PROMO_PROVIDER_PORT": str(provider),
            "PROMO_ADMIN_TOKEN": ADMIN,
            **{f"PROMO_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self.compose("up")

    def compose(self, *arguments: str) -> str:
        """Run a command of compose; its output."""
        done = subprocess.run(
            [sys.executable, "-m", "compose", *arguments],
            check=False,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def processes(self, role: str) -> list[dict[str, object]]:
        """What `make ps` says of a role."""
        lines = [json.loads(line) for line in self.compose("ps").splitlines()]
        return [line for line in lines if line["role"] == role]

    def kill(self, role: str) -> int:
        """kill -9 the first process of a role; the pid that is gone."""
        pid = int(str(self.processes(role)[0]["pid"]))
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_for_new(self, role: str, old: int, seconds: float = 10) -> None:
        """Return once another process than `old` runs in its place."""
        deadline = time.monotonic() + seconds
        while any(p["pid"] == old for p in self.processes(role)) or not self.processes(role):
            assert time.monotonic() < deadline, f"{role} was not started again"
            time.sleep(0.05)
