"""The broker's jars: downloaded by jgo, compared with the lock, installed all or none."""

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

from compose import cache_dir, file_locks, subprocesses
from compose.errors import DownloadFailed, JarsDiffer, tail_of
from compose.kafka.java import Java
from compose.progress import Report

HERE = Path(__file__).parent
SPEC = HERE / "jgo.toml"
LOCK = HERE / "jgo.lock.toml"
POLL_INTERVAL_SECONDS = 0.1
TEMPORARY_PREFIX = "kafka-new-"


def locked_hashes(lock: Path = LOCK) -> dict[str, str]:
    """Return the sha256 of each jar, by file name."""
    dependencies = tomllib.loads(lock.read_text())["dependencies"]
    return {f"{d['artifactId']}-{d['version']}.jar": d["sha256"] for d in dependencies}


def find_differences(folder: Path, locked: Mapping[str, str]) -> list[str]:
    """Return one line for each way in which the jars under `folder` differ from the locked ones."""
    found = {path.name: path for path in folder.glob("*/*.jar")}
    result = [f"{name}: missing" for name in sorted(locked.keys() - found.keys())]
    result += [f"{name}: not in the lock" for name in sorted(found.keys() - locked.keys())]
    for name in sorted(locked.keys() & found.keys()):
        if (digest := hashlib.sha256(found[name].read_bytes()).hexdigest()) != locked[name]:
            result.append(f"{name}: sha256 {digest}, locked {locked[name]}")
    return result


def install_folder() -> Path:
    """Return the folder of the locked jars; it exists once they are installed."""
    return cache_dir.folder() / f"kafka-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"


def class_path(folder: Path) -> str:
    """Return the class path as an explicit list: a start-up cache does not work with `*`."""
    return os.pathsep.join(str(path) for path in sorted(folder.glob("*/*.jar")))


def install(java: Java, report: Report) -> Path:
    """Install the jars if they are missing, and return their folder. Concurrent installations wait for each other.

    Raises DownloadFailed, JarsDiffer.
    """
    target = install_folder()
    if target.exists():
        return target
    with file_locks.acquire(cache_dir.folder() / "kafka.lock", wait=True):
        if target.exists():
            return target
        for leftover in target.parent.glob(f"{TEMPORARY_PREFIX}*"):  # of a killed installation
            shutil.rmtree(leftover, ignore_errors=True)
        started_at = time.monotonic()
        # in the folder of the target, so that the rename stays within one file system
        with tempfile.TemporaryDirectory(prefix=TEMPORARY_PREFIX, dir=target.parent) as temporary:
            downloaded = download(Path(temporary), java, report)
            if differences := find_differences(downloaded, locked_hashes()):
                raise JarsDiffer(differences)
            downloaded.rename(target)
        report("done", f"Kafka's jars, checked against the lock ({time.monotonic() - started_at:.1f} s)")
    return target


def download(work: Path, java: Java, report: Report) -> Path:
    """Download the jars into `work` with jgo, and return their folder. Raises DownloadFailed."""
    shutil.copy(SPEC, work)
    repository, jars, log = work / "repository", work / "runtime", work / "jgo.log"
    command = [sys.executable, "-m", "jgo", "--system-java", "--resolver", "python", "--links", "hard"]
    command += ["--timeout", "60", "--repo-cache", str(repository), "--cache-dir", str(jars), "sync"]
    # jgo looks for a JDK of its own unless a java is on PATH
    environment = {**os.environ, "PATH": f"{java.executable.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    total, reported = len(locked_hashes()), -1
    with log.open("wb") as output:
        process = subprocess.Popen(
            subprocesses.die_with_parent(command), cwd=work, env=environment, stdout=output, stderr=output
        )
        try:
            while process.poll() is None:
                count = sum(1 for _ in repository.glob("**/*.jar"))
                if count != reported and (count % 5 == 0 or count == total):
                    report("working", f"downloading Kafka's jars: {count} of {total}")
                    reported = count
                time.sleep(POLL_INTERVAL_SECONDS)
        finally:
            process.kill()
            process.wait()
    if process.returncode != 0 or not (jars / "jars").exists():
        raise DownloadFailed(tail_of(log))
    return jars
