"""`make bench-peers`: orders per second, compared with other systems in one run: the systems alternate, medians count.

A round measures one system: after a warm-up its latency, CPU time and bytes written at steady rates, then the highest
rate with p95 <= 300 ms. Load generator, search and peers are those of `tests/bench/external_bench.py`.
"""

import argparse
import json
import statistics
import time
from typing import Any

from tests.bench import external_bench
from tests.bench.external_bench import HTTP_PORT, System
from tests.support import report

MAX_P95_MS = 300
RATES = (50, 200)
#: Before the first measurement, because the JVMs compile.
WARMUP_SECONDS, WARMUP_RATE = 40, 300
OURS = {"PROMO_PARTITIONS": "2", "PROMO_BROKER_QUICK_START": "0"}

#: Each system with the first rate of its search.
SYSTEMS = {
    "cash": (System("ours, cash", "promo", OURS, HTTP_PORT, "cash"), 500),
    "pix": (System("ours, pix", "promo", OURS, HTTP_PORT, "pix"), 300),
    "kstreams": (System("Kafka Streams", "kstreams"), 4000),
    "postgres": (System("FastAPI, PostgreSQL, Redis cache", "pgapi-tuned"), 500),
}


def main() -> None:
    """Measure the systems alternately, round by round, and print a table."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.peers", description=__doc__)
    arguments.add_argument("--systems", default=",".join(SYSTEMS))
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=10, help="at each steady rate")
    arguments.add_argument("--step-seconds", type=float, default=8)
    options = arguments.parse_args()
    external_bench.prepare()
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in options.systems.split(",")}
    with (external_bench.WORK / "peers.jsonl").open("a") as log:
        for number in range(options.rounds):
            for name, rounds in measured.items():
                rounds.append(figures := _measure(name, options.seconds, options.step_seconds))
                print(
                    json.dumps(
                        {"at": time.strftime("%F %T"), "round": number + 1, "system": name, **figures}
                    ),
                    file=log,
                    flush=True,
                )
    print(_table(measured))


def _measure(name: str, seconds: float, step_seconds: float) -> dict[str, float]:
    """Return the figures of one round by row of the table."""
    system, start = SYSTEMS[name]
    figures: dict[str, float] = {}
    with external_bench.running(f"orders-{name}", system) as running:
        running.load(WARMUP_SECONDS, orders=WARMUP_RATE)
        for rate in RATES:
            before = running.written_bytes()
            result = running.load(seconds, orders=rate)
            sent = result["orders"]["sent"] * (seconds + 2) / seconds  # the warm-up of 2 s writes, too
            figures[f"{rate} p50"] = result["orders"]["p50_ms"]
            figures[f"{rate} p95"] = result["orders"]["p95_ms"]
            figures[f"{rate} cpu"] = 1000 * result["sut_cpu_cores"] / rate
            figures[f"{rate} kib"] = (running.written_bytes() - before) / sent / 1024
        step: dict[str, Any] = external_bench.sustained(
            running.capacity("orders", start, step_seconds, MAX_P95_MS)
        )
        figures["max rate"], figures["max rate cpu"] = (
            step["rate"],
            1000 * step["sut_cpu"] / max(1, step["rate"]),
        )
    return figures


def _table(measured: dict[str, list[dict[str, float]]]) -> str:
    """Return a row for each figure, a column for each system: the median of the rounds, with minimum and maximum."""
    titles = {
        "max rate": f"orders/s at p95 <= {MAX_P95_MS} ms",
        "max rate cpu": "core-ms per order at that rate",
    }
    for rate in RATES:
        titles |= {
            f"{rate} p50": f"p50 at {rate}/s, ms",
            f"{rate} p95": f"p95 at {rate}/s, ms",
            f"{rate} cpu": f"core-ms per order at {rate}/s",
            f"{rate} kib": f"KiB written per order at {rate}/s",
        }
    rows = [
        (title, *(_cell([figures[row] for figures in rounds]) for rounds in measured.values()))
        for row, title in titles.items()
    ]
    return report.table(["", *(SYSTEMS[name][0].title for name in measured)], rows)


def _cell(values: list[float]) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    digits = ".0f" if middle >= 20 else ".1f" if middle >= 2 else ".2f"
    return f"{middle:{digits}} ({low:{digits}}-{high:{digits}})"


if __name__ == "__main__":
    main()
