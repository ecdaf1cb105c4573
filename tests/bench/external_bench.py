"""A benchmark suite outside this repository, as a library: its target systems and its load generator.

PROMO_BENCH is its folder (default: ../shared/bench). It needs Go; the peers need Java, Maven, PostgreSQL 15 and
redis-server. It is copied first, because it is built in its own folder.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

ROOT = Path(__file__).parents[2]
BENCH = Path(os.environ.get("PROMO_BENCH", ROOT.parent / "shared" / "bench"))
WORK = ROOT / "build" / "bench"
HTTP_PORT, EDGE_PORT = 28180, 28188
RESTAURANTS, SKUS, PORTIONS = 50, 20, 1_000_000


class System(Struct, frozen=True):
    """A system to measure: its target in the suite, its environment, its port (0: that of the target), its payment method."""

    title: str
    target: str
    env: dict[str, str] = {}
    port: int = 0
    method: str = ""


def prepare() -> None:
    """Copy the suite; exit the program if there is none."""
    if not (BENCH / "harness").is_dir() or shutil.which("go") is None:
        sys.exit(f"this needs Go, and the benchmark suite at {BENCH} (PROMO_BENCH)")
    shutil.copytree(BENCH, WORK, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".venv", "target"))


class RunningSystem:
    """A running system with restaurants."""

    def __init__(self, name: str, system: System) -> None:
        self._harness = WORK / "harness"
        target = json.loads((self._harness / "targets" / f"{system.target}.json").read_text())
        target["name"] = name
        target["env"] |= system.env | _environment()
        if system.port:
            target["base_url"] = f"http://127.0.0.1:{system.port}"
        if system.method:
            target["order"]["body"]["payment"]["method"] = system.method
        self._file = self._harness / "targets" / f"{name}.json"
        self._file.write_text(json.dumps(target))
        self._environment = {**os.environ, **target["env"]}
        self._ctl = (self._harness / "targets" / target["ctl"]).resolve()

    def load(self, seconds: float, **rates: float) -> dict[str, Any]:
        """Return the result of a load of `orders` and `reads` a second."""
        options = [f"--{name}-per-s={rates.get(name, 0):g}" for name in ("orders", "reads")]
        return self._json(
            "load.py", "--target", self._file, "--seconds", seconds, "--warmup-seconds", 2, *options
        )

    def capacity(self, kind: str, start: float, step_seconds: float, p95_ms: float) -> list[dict[str, Any]]:
        """Return the steps of the search for the highest sustained rate of `orders` or `reads`."""
        search = ("--start", start, "--seconds", step_seconds, "--p95-ms", p95_ms)
        found = self._json("capacity.py", "--target", self._file, "--kind", kind, *search)
        steps: list[dict[str, Any]] = found["steps"]
        return steps

    def control(self, *command: object) -> str:
        """Run the control script of the system."""
        return self._run(self._ctl, *command)

    def written_bytes(self) -> int:
        """Return the bytes that its processes have written to disk."""
        roots = {int(pid) for pid in self.control("pids").split() if pid.isdigit()}
        return sum(map(_written_bytes, _with_descendants(roots)))

    def _json(self, *command: object) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self._run(sys.executable, *command))
        return result

    def _run(self, *command: object) -> str:
        return subprocess.run(
            list(map(str, command)),
            cwd=self._harness,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout


@contextmanager
def running(name: str, system: System) -> Iterator[RunningSystem]:
    """Run a system that has been seeded; ours starts without data, like the peers."""
    shutil.rmtree(WORK / "data", ignore_errors=True)
    print(f"{system.title} ...", file=sys.stderr)
    started = RunningSystem(name, system)
    started.control("start")
    try:
        started.control("seed", RESTAURANTS, SKUS, PORTIONS)
        yield started
    finally:
        started.control("stop")


def sustained(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the step with the highest sustained rate; if there is none, the last step with a rate of 0."""
    good = [step for step in steps if step["ok"]]
    return max(good, key=lambda step: step["rate"], default=steps[-1] | {"rate": 0})


def _environment() -> dict[str, str]:
    """Return the variables of every system, with ports and folders that differ from those of a default stack."""
    ports = {"HTTP": HTTP_PORT, "EDGE": EDGE_PORT, "KAFKA": 28192, "REDIS": 28179, "OPS": 28200}
    return {
        "PROMO_REPO": str(ROOT),
        "PROMO_DATA_DIR": str(WORK / "data"),
        "BENCH_RUN": os.environ.get("BENCH_RUN", "/tmp/promo-bench"),  # a socket's path must be short
        **{f"PROMO_{name}_PORT": str(port) for name, port in ports.items()},
    }


def _with_descendants(roots: set[int]) -> set[int]:
    """Return these processes and their descendants."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
    family = set(roots)
    while new := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= new
    return family


def _written_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    except OSError:
        return 0
    return int(next(line for line in lines if line.startswith("write_bytes:")).split()[1])
