"""`make bench-reads`: how many menus a second each system gives with p95 <= 120 ms, beside a peer, in one run.

The load generator, the search for the rate and the peer are those of the bench beside this repository
(`tests/bench/harness.py`): open loop, Poisson arrivals, a latency counts from the moment a request was due.
"""

import argparse
from typing import Any

from tests.bench import harness
from tests.bench.harness import EDGE_PORT, HTTP_PORT, System

P95_MS = 120
#: The rate that the search begins with.
START, PEER_START = 10_400, 1500

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
    """Measure the systems in turn, and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--systems", default=",".join(SYSTEMS))
    arguments.add_argument("--step-seconds", type=float, default=8)
    arguments.add_argument("--rounds", type=int, default=1, help="of which the medians count")
    options = arguments.parse_args()
    harness.prepare()
    names = options.systems.split(",")
    measured: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            measured[name].append(_measure(name, options.step_seconds))
    print(_table(measured))


def _measure(name: str, step_seconds: float) -> dict[str, Any]:
    """Return the step of the highest rate that the system sustained."""
    with harness.running(f"reads-{name}", SYSTEMS[name]) as system:
        system.load(5, reads=500)  # warm
        start = PEER_START if name == "peer" else START
        return harness.sustained(system.capacity("reads", start, step_seconds, P95_MS))


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
