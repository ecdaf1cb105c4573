"""The folder in which all processes keep their metrics, so that ingress can show those of all."""

import shutil
from pathlib import Path

from prometheus_client import multiprocess

#: What prometheus_client reads.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def _folder(data: Path) -> Path:
    return data / "metrics"


def prepare(data: Path) -> None:
    """Make the folder anew: counters begin at 0 with the stack."""
    shutil.rmtree(_folder(data), ignore_errors=True)
    _folder(data).mkdir(parents=True)


def environment(data: Path) -> dict[str, str]:
    """Return what a process needs to take part."""
    return {VARIABLE: str(_folder(data))}


def forget(data: Path, pid: int) -> None:
    """Drop what a process that has ended said of itself; what it counted stays counted."""
    multiprocess.mark_process_dead(pid, str(_folder(data)))  # type: ignore[no-untyped-call]
