"""The broker's jars: resolved by jgo, compared with the lock, installed whole or not at all."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path

from compose import cache, children, locks
from compose.errors import DownloadFailed, JarsDiffer, tail_of
from compose.kafka.java import Java
from compose.progress import Event, Report

HERE = Path(__file__).parent
SPEC = HERE / "jgo.toml"
LOCK = HERE / "jgo.lock.toml"
PREFIX = "kafka-new-"


def locked(lock: Path = LOCK) -> dict[str, str]:
    """Return the sha256 of each jar, by file name."""
    dependencies = tomllib.loads(lock.read_text())["dependencies"]
    return {f"{d['artifactId']}-{d['version']}.jar": d["sha256"] for d in dependencies}


def faults(folder: Path, wanted: Mapping[str, str]) -> list[str]:
    """Return how the jars under `folder` differ from the wanted ones; empty: not at all."""
    found = {path.name: path for path in folder.glob("*/*.jar")}
    result = [f"{name}: missing" for name in sorted(wanted.keys() - found.keys())]
    result += [f"{name}: not in the lock" for name in sorted(found.keys() - wanted.keys())]
    for name in sorted(wanted.keys() & found.keys()):
        if (digest := hashlib.sha256(found[name].read_bytes()).hexdigest()) != wanted[name]:
            result.append(f"{name}: sha256 {digest}, locked {wanted[name]}")
    return result


def installed() -> Path:
    """Return the folder of the locked jars; it exists once they are installed."""
    return cache.folder() / f"kafka-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"


def class_path(folder: Path) -> str:
    """Return the class path as an explicit list: a start-up cache does not go with `*`."""
    return os.pathsep.join(str(path) for path in sorted(folder.glob("*/*.jar")))


def install(java: Java, report: Report) -> Path:
    """Install the jars where they are missing, and return their folder.

    Raises DownloadFailed, JarsDiffer. Two installations at once wait for each other.
    """
    target = installed()
    if target.exists():
        return target
    with locks.held(cache.folder() / "kafka.lock", wait=True):
        if target.exists():
            return target
        for left_over in target.parent.glob(f"{PREFIX}*"):  # of an installation that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        started = time.monotonic()
        # beside the target, so that the rename does not cross file systems
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=target.parent) as temporary:
            fresh = download(Path(temporary), java, report)
            if differences := faults(fresh, locked()):
                raise JarsDiffer(differences)
            fresh.rename(target)
        report(Event("done", f"Kafka's jars, checked against the lock ({time.monotonic() - started:.1f} s)"))
    return target


def download(work: Path, java: Java, report: Report) -> Path:
    """Let jgo resolve and fetch into `work`; returns the folder of jars. Raises DownloadFailed."""
    shutil.copy(SPEC, work)
    repository, jars, log = work / "repository", work / "runtime", work / "jgo.log"
    command = [sys.executable, "-m", "jgo", "--system-java", "--resolver", "python"]
    command += [
        "--links",
        "hard",
        "--timeout",
        "60",
        "--repo-cache",
        str(repository),
        "--cache-dir",
        str(jars),
        "sync",
    ]
    # jgo looks for a JDK of its own unless a java is on PATH
    environment = {**os.environ, "PATH": f"{java.executable.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    total, counted = len(locked()), -1
    with log.open("wb") as output:
        process = subprocess.Popen(
            children.tied(command), cwd=work, env=environment, stdout=output, stderr=output
        )
        try:
            while process.poll() is None:
                count = sum(1 for _ in repository.glob("**/*.jar"))
                if count != counted and (count % 5 == 0 or count == total):
                    report(Event("working", f"downloading Kafka's jars: {count} of {total}"))
                    counted = count
                time.sleep(0.1)
        finally:
            process.kill()
            process.wait()
    if process.returncode != 0 or not (jars / "jars").exists():
        raise DownloadFailed(tail_of(log))
    return jars
