"""The whole product as a user starts it: `make up`, on ports and in a folder of its own."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compose import ports

ADMIN = "admin-of-the-tests"
BLOCK = 24


def free_block() -> range:
    """Return free ports in a row, below those that the system gives to clients."""
    while True:
        first = random.randrange(20_000, 32_000 - BLOCK)
        if all(map(ports.is_free, block := range(first, first + BLOCK))):
            return block


def free_ports() -> dict[str, int]:
    """Return a free port for each setting of a port."""
    kafka, _, redis, http, edge, provider, messaging, ops, *_ = free_block()
    return {
        "PROMO_KAFKA_PORT": kafka,
        "PROMO_REDIS_PORT": redis,
        "PROMO_HTTP_PORT": http,
        "PROMO_EDGE_PORT": edge,
        "PROMO_OPS_PORT": ops,
        "PROMO_PROVIDER_PORT": provider,
        "PROMO_MESSAGING_PORT": messaging,
    }


class Stack:
    """A stack that `python -m compose up` has started."""

    def __init__(self, data_dir: Path, **settings: object) -> None:
        self.data_dir = data_dir
        chosen = free_ports()
        self.redis_port = chosen["PROMO_REDIS_PORT"]
        self.url = f"http://127.0.0.1:{chosen['PROMO_HTTP_PORT']}"
        self.edge_url = f"http://127.0.0.1:{chosen['PROMO_EDGE_PORT']}"
        self.provider_url = f"http://127.0.0.1:{chosen['PROMO_PROVIDER_PORT']}"
        self.messaging_url = f"http://127.0.0.1:{chosen['PROMO_MESSAGING_PORT']}"
        self.bootstrap = f"127.0.0.1:{chosen['PROMO_KAFKA_PORT']}"
        self.environment = {
            **os.environ,
            **{name: str(port) for name, port in chosen.items()},
            "PROMO_DATA_DIR": str(data_dir),
            "PROMO_ADMIN_TOKEN": ADMIN,
            **{f"PROMO_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self.compose("up")

    def compose(self, *arguments: str) -> str:
        """Run a command of compose; return its output."""
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
        """Return the lines of `ps` of a role; "" for all."""
        lines = [json.loads(line) for line in self.compose("ps").splitlines()]
        return [line for line in lines if role in ("", line["role"])]

    def kill(self, role: str) -> int:
        """kill -9 the first process of a role; return its pid."""
        pid = int(str(self.processes(role)[0]["pid"]))
        os.kill(pid, signal.SIGKILL)
        return pid

    @contextmanager
    def paused(self, role: str) -> Iterator[None]:
        """Stop the processes of a role during the block, as a machine that hangs would."""
        pids = [int(str(process["pid"])) for process in self.processes(role)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def wait_for_new(self, role: str, old: int, seconds: float = 10) -> None:
        """Return once another process than `old` runs in its place."""
        deadline = time.monotonic() + seconds
        while any(p["pid"] == old for p in self.processes(role)) or not self.processes(role):
            assert time.monotonic() < deadline, f"{role} was not started again"
            time.sleep(0.05)
