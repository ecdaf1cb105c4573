"""The folder in which all processes keep their metrics, so that ingress can show them all."""

import shutil
from pathlib import Path

from prometheus_client import multiprocess

#: The variable that prometheus_client reads.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def _folder(data: Path) -> Path:
    return data / "metrics"


def prepare(data: Path) -> None:
    """Make an empty folder: counters start at 0 with the stack."""
    shutil.rmtree(_folder(data), ignore_errors=True)
    _folder(data).mkdir(parents=True)


def environment(data: Path) -> dict[str, str]:
    """Return the variables that a process needs to share its metrics."""
    return {FOLDER_VARIABLE: str(_folder(data))}


def remove_process(data: Path, pid: int) -> None:
    """Drop the gauges of a process that has ended; its counters stay."""
    multiprocess.mark_process_dead(pid, str(_folder(data)))  # type: ignore[no-untyped-call]
