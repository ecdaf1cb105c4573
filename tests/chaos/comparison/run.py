"""Both workloads, one after the other, on a broker of their own."""

import asyncio
import shutil
from pathlib import Path
from types import ModuleType

from tests.chaos.comparison import faust_own, our_layer, workload
from tests.chaos.comparison.workload import Outcome
from tests.support.stack import start_kafka

KILLS = 8


def run(folder: Path, seed: int) -> dict[str, Outcome]:
    """Return what came of each."""
    shutil.rmtree(folder, ignore_errors=True)
    kafka = start_kafka(folder / "kafka")
    try:
        return {
            "Faust's own exactly_once": _one(faust_own, kafka.bootstrap, folder, seed),
            "streams/exactly_once": _one(our_layer, kafka.bootstrap, folder, seed),
        }
    finally:
        kafka.stop()


def _one(module: ModuleType, bootstrap: str, folder: Path, seed: int) -> Outcome:
    name = module.WORKLOAD
    return asyncio.run(workload.run(name, module.__name__, bootstrap, folder / name, seed, KILLS))


def table(outcomes: dict[str, Outcome]) -> list[str]:
    """Return the rows of both, side by side."""
    head = "| the same counter | commands | kill -9 | outcomes doubled | commands lost | counters wrong |"
    rows = [
        f"| {name} | {o.commands} | {o.kills} | {o.doubled} | {o.lost} | {o.wrong} of {o.keys} |"
        for name, o in outcomes.items()
    ]
    return [head, "|---|---|---|---|---|---|", *rows, ""]
