"""Build the start-up cache: python -m compose.kafka.startup_cache_builder.

This takes about 8 s of processor time. So it is done once, at the lowest priority, by a broker that serves no
client, in a folder of its own.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compose import cache_dir, file_locks, ports, subprocesses
from compose.kafka import broker, readiness, startup_cache
from compose.kafka.java import Java, find

TEMPORARY_PREFIX = "kafka-training-"
BUILD_TIMEOUT_SECONDS = 120.0
POLL_INTERVAL_SECONDS = 0.2


def build(java: Java) -> None:
    """Start a broker, stop it, and keep the cache that Java writes. A failure changes nothing."""
    with file_locks.acquire(cache_dir.folder() / "startup-cache.lock", wait=False) as acquired:
        if acquired and startup_cache.is_missing(java):
            for leftover in cache_dir.folder().glob(f"{TEMPORARY_PREFIX}*"):
                shutil.rmtree(leftover, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=TEMPORARY_PREFIX, dir=cache_dir.folder()) as temporary:
                _build_in(java, Path(temporary))


def _build_in(java: Java, folder: Path) -> None:
    new_cache = folder / "new.aot"
    port = ports.free_pair()
    broker.prepare(folder, port)
    command = broker.command(java, [f"-XX:AOTCacheOutput={new_cache}"], quick_start=True)
    process = subprocess.Popen(
        subprocesses.die_with_parent(command),
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + BUILD_TIMEOUT_SECONDS
        while not readiness.is_up(f"127.0.0.1:{port}"):
            if process.poll() is not None or time.monotonic() > deadline:
                return
            time.sleep(POLL_INTERVAL_SECONDS)
        process.send_signal(signal.SIGTERM)
        process.wait(BUILD_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        return
    finally:
        process.kill()
        process.wait()
    if new_cache.exists():
        new_cache.rename(startup_cache.path(java))
        startup_cache.remove_outdated(java)


def main() -> None:
    """Build the cache in this process, which runs only when the processor is idle."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the folder is removed
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    build(find())


if __name__ == "__main__":
    main()
