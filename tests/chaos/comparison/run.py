"""Runs both counters, one after the other, on a broker of their own."""

import asyncio
import shutil
from pathlib import Path
from types import ModuleType

from tests.chaos.comparison import faust_exactly_once, our_runtime, workload
from tests.chaos.comparison.workload import WorkloadResult
from tests.support import report
from tests.support.stack import start_kafka

KILLS = 8


def run(folder: Path, seed: int) -> dict[str, WorkloadResult]:
    """Return the results by the name of the implementation."""
    shutil.rmtree(folder, ignore_errors=True)
    kafka = start_kafka(folder / "kafka")
    try:
        return {
            "Faust's own exactly_once": _run_one(faust_exactly_once, kafka.bootstrap, folder, seed),
            "streams/exactly_once": _run_one(our_runtime, kafka.bootstrap, folder, seed),
        }
    finally:
        kafka.stop()


def _run_one(module: ModuleType, bootstrap: str, folder: Path, seed: int) -> WorkloadResult:
    name = module.WORKLOAD
    return asyncio.run(workload.run(name, module.__name__, bootstrap, folder / name, seed, KILLS))


def table(results: dict[str, WorkloadResult]) -> str:
    """Return a row for each implementation."""
    return report.table(
        ("counter", "commands", "kill -9", "duplicate results", "commands lost", "wrong counters"),
        [
            (name, r.commands, r.kills, r.duplicates, r.lost, f"{r.wrong} of {r.keys}")
            for name, r in results.items()
        ],
    )
