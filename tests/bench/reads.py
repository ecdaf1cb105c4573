"""`make bench-reads`: how many menus a second each system gives with p95 <= 120 ms, beside a peer, in one run.

The load generator, the search for the rate and the peer are those of the bench beside this
repository (PROMO_BENCH, default ../shared/bench; it needs Go, and for the peer PostgreSQL 15 and
redis-server): open loop, Poisson arrivals, a latency counts from the moment a request was due.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from msgspec import Struct

ROOT = Path(__file__).parents[2]
BENCH = Path(os.environ.get("PROMO_BENCH", ROOT.parent / "shared" / "bench"))
#: A copy, since it is built and run where it lies.
WORK = ROOT / "build" / "bench"
HTTP_PORT, EDGE_PORT = 28180, 28188

RESTAURANTS, SKUS, PORTIONS = 50, 20, 1_000_000
P95_MS = 120


class System(Struct, frozen=True):
    """A system to measure: its target of the harness, its surroundings, where it is asked, the rate to begin with."""

    title: str
    target: str
    env: dict[str, str]
    port: int
    start: int


SYSTEMS = {
    "peer": System("FastAPI, PostgreSQL, Redis cache (2 workers)", "pgapi-tuned", {}, 28081, 1500),
    "1": System("1 ingress", "promo", {"PROMO_INGRESS": "1"}, HTTP_PORT, 10_400),
    "2": System("2 ingress", "promo", {"PROMO_INGRESS": "2"}, HTTP_PORT, 10_400),
    "1-edge": System(
        "1 ingress, nginx", "promo", {"PROMO_INGRESS": "1", "PROMO_EDGE": "1"}, EDGE_PORT, 10_400
    ),
    "2-edge": System(
        "2 ingress, nginx", "promo", {"PROMO_INGRESS": "2", "PROMO_EDGE": "1"}, EDGE_PORT, 10_400
    ),
}


def main() -> None:
    """Measure the systems in turn, and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--systems", default=",".join(SYSTEMS))
    arguments.add_argument("--step-seconds", type=float, default=8)
    arguments.add_argument("--rounds", type=int, default=1, help="of which the medians count")
    options = arguments.parse_args()
    if not (BENCH / "harness").is_dir() or shutil.which("go") is None:
        sys.exit(f"bench-reads needs Go, and the bench at {BENCH} (PROMO_BENCH)")
    shutil.copytree(BENCH, WORK, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".venv", "target"))
    names = options.systems.split(",")
    measured: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            print(f"{SYSTEMS[name].title} ...", file=sys.stderr)
            measured[name].append(_measure(name, SYSTEMS[name], options.step_seconds))
    print(_table(measured))


def _measure(name: str, system: System, step_seconds: float) -> dict[str, Any]:
    """Return the step of the highest rate that the system sustained."""
    harness = WORK / "harness"
    target = json.loads((harness / "targets" / f"{system.target}.json").read_text())
    target["name"] = name
    target["base_url"] = f"http://127.0.0.1:{system.port}"
    target["env"] |= system.env | _surroundings()
    file = harness / "targets" / f"reads-{name}.json"
    file.write_text(json.dumps(target))
    environment = {**os.environ, **target["env"]}

    def run(*command: object) -> str:
        done = subprocess.run(
            list(map(str, command)),
            cwd=harness,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout

    ctl = (harness / "targets" / target["ctl"]).resolve()
    run(ctl, "start")
    try:
        run(ctl, "seed", RESTAURANTS, SKUS, PORTIONS)
        load = ("load.py", "--target", file, "--orders-per-s", 0, "--reads-per-s", 500, "--seconds", 5)
        run(sys.executable, *load)  # warm
        search = ("--start", system.start, "--seconds", step_seconds, "--p95-ms", P95_MS)
        found = json.loads(run(sys.executable, "capacity.py", "--target", file, "--kind", "reads", *search))
    finally:
        run(ctl, "stop")
    good = [step for step in found["steps"] if step["ok"]]
    return max(good, key=lambda step: step["rate"], default=found["steps"][-1] | {"rate": 0})


def _surroundings() -> dict[str, str]:
    """Return ports and folders of our own, so that a stack that runs is left alone."""
    ports = {"HTTP": HTTP_PORT, "EDGE": EDGE_PORT, "KAFKA": 28192, "REDIS": 28179, "OPS": 28200}
    return {
        "PROMO_REPO": str(ROOT),
        "PROMO_DATA_DIR": str(WORK / "data"),
        "BENCH_RUN": os.environ.get("BENCH_RUN", "/tmp/promo-bench"),  # a socket's path must be short
        **{f"PROMO_{name}_PORT": str(port) for name, port in ports.items()},
    }


def _table(measured: dict[str, list[dict[str, Any]]]) -> str:
    """Return a row for each system: of several rounds, the one in the middle."""
    peer = _middle(measured["peer"])["rate"] if "peer" in measured else 0
    lines = [
        "| system | reads/s at p95 <= 120 ms | times the peer | p50 ms | p95 ms | cores of the system | of all else |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, rounds in measured.items():
        step = _middle(rounds)
        times = f"{step['rate'] / peer:.1f}" if peer else ""
        lines.append(
            f"| {SYSTEMS[name].title} | {step['rate']:,} | {times} | {step['p50_ms']:.1f} | {step['p95_ms']:.1f} "
            f"| {step['sut_cpu']:.2f} | {step['foreign_cpu']:.2f} |"
        )
    return "\n".join(lines)


def _middle(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    return sorted(rounds, key=lambda step: step["rate"])[len(rounds) // 2]


if __name__ == "__main__":
    main()
