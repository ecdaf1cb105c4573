"""Make the start-up cache: python -m compose.kafka.training.

It takes about 8 s of processor time, so it is done once, by a broker that nobody waits for, at the lowest
priority, in a folder of its own.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compose import cache, children, locks
from compose.kafka import broker, probe, startup_cache
from compose.kafka.java import Java, find

PREFIX = "kafka-training-"
LIMIT_SECONDS = 120.0


def train(java: Java) -> None:
    """Start a broker, stop it, keep what Java learned. Failure changes nothing."""
    with locks.held(cache.folder() / "startup-cache.lock", wait=False) as ours:
        if ours and startup_cache.missing(java):
            for left_over in cache.folder().glob(f"{PREFIX}*"):
                shutil.rmtree(left_over, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=PREFIX, dir=cache.folder()) as temporary:
                _train(java, Path(temporary))


def _train(java: Java, folder: Path) -> None:
    fresh = folder / "fresh.aot"
    port = free_pair()
    broker.prepare(folder, port)
    command = broker.command(java, [f"-XX:AOTCacheOutput={fresh}"], quick_start=True)
    process = subprocess.Popen(
        children.tied(command), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + LIMIT_SECONDS
        while not probe.answers(f"127.0.0.1:{port}"):
            if process.poll() is not None or time.monotonic() > deadline:
                return
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        process.wait(LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        return
    finally:
        process.kill()
        process.wait()
    if fresh.exists():
        fresh.rename(startup_cache.path(java))
        startup_cache.let_others_go(java)


def free_pair() -> int:
    """Return a free port whose next one is free too."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def main() -> None:
    """Train, in a process of its own, when nothing else wants the processor."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the folder is removed
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    train(find())


if __name__ == "__main__":
    main()
