"""`make bench-reads`: menus per second of each system with p95 <= 120 ms, compared with a peer in one run.

Load generator, search and peer are those of `tests/bench/external_bench.py`: an open loop with Poisson arrivals; a
latency counts from the moment when a request was due.
"""

import argparse
from typing import Any

from tests.bench import external_bench
from tests.bench.external_bench import EDGE_PORT, HTTP_PORT, System
from tests.support import report

MAX_P95_MS = 120
#: First rates of the search.
FIRST_RATE, FIRST_PEER_RATE = 10_400, 1500

SYSTEMS = {
    "peer": System("FastAPI, PostgreSQL, Redis cache (2 workers)", "pgapi-tuned"),
    "1": System("1 ingress", "promo", {"PROMO_INGRESS_PROCESSES": "1"}, HTTP_PORT),
    "2": System("2 ingress", "promo", {"PROMO_INGRESS_PROCESSES": "2"}, HTTP_PORT),
    "1-edge": System(
        "1 ingress, nginx", "promo", {"PROMO_INGRESS_PROCESSES": "1", "PROMO_EDGE_ENABLED": "1"}, EDGE_PORT
    ),
    "2-edge": System(
        "2 ingress, nginx", "promo", {"PROMO_INGRESS_PROCESSES": "2", "PROMO_EDGE_ENABLED": "1"}, EDGE_PORT
    ),
}


def main() -> None:
    """Measure the systems alternately, and print a table."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.reads", description=__doc__)
    arguments.add_argument("--systems", default=",".join(SYSTEMS))
    arguments.add_argument("--step-seconds", type=float, default=8)
    arguments.add_argument("--rounds", type=int, default=1, help="the median of the rounds counts")
    options = arguments.parse_args()
    external_bench.prepare()
    names = options.systems.split(",")
    measured: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            measured[name].append(_measure(name, options.step_seconds))
    print(_table(measured))


def _measure(name: str, step_seconds: float) -> dict[str, Any]:
    """Return the step of the highest rate that the system sustained."""
    with external_bench.running(f"reads-{name}", SYSTEMS[name]) as system:
        system.load(5, reads=500)  # warm
        start = FIRST_PEER_RATE if name == "peer" else FIRST_RATE
        return external_bench.sustained(system.capacity("reads", start, step_seconds, MAX_P95_MS))


def _table(measured: dict[str, list[dict[str, Any]]]) -> str:
    """Return a row for each system: the median of its rounds."""
    peer = _median_step(measured["peer"])["rate"] if "peer" in measured else 0
    rows = []
    for name, rounds in measured.items():
        step = _median_step(rounds)
        rows.append(
            (
                SYSTEMS[name].title,
                f"{step['rate']:,}",
                f"{step['rate'] / peer:.1f}" if peer else "",
                f"{step['p50_ms']:.1f}",
                f"{step['p95_ms']:.1f}",
                f"{step['sut_cpu']:.2f}",
                f"{step['foreign_cpu']:.2f}",
            )
        )
    columns = (
        "system",
        f"reads/s at p95 <= {MAX_P95_MS} ms",
        "times the peer",
        "p50 ms",
        "p95 ms",
        "cores of the system",
        "of everything else",
    )
    return report.table(columns, rows)


def _median_step(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    return sorted(rounds, key=lambda step: step["rate"])[len(rounds) // 2]


if __name__ == "__main__":
    main()
