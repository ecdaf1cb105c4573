"""`make bench-peers`: orders beside what people would pick instead, in one run: the systems take turns, medians count.

A round of a system: warmed up, its latency, processor time and bytes written at steady rates, then the highest rate
with p95 <= 300 ms. Load generator, search and peers are those of `tests/bench/harness.py`.
"""

import argparse
import json
import statistics
import time
from typing import Any

from tests.bench import harness
from tests.bench.harness import HTTP_PORT, System

P95_MS = 300
RATES = (50, 200)
#: The JVMs compile for that long what they do most.
WARM_SECONDS, WARM_RATE = 40, 300
OURS = {"PROMO_PARTITIONS": "2", "PROMO_BROKER_QUICK_START": "0"}

#: And the rate that the search begins with.
SYSTEMS = {
    "cash": (System("ours, cash", "promo", OURS, HTTP_PORT, "cash"), 500),
    "pix": (System("ours, pix", "promo", OURS, HTTP_PORT, "pix"), 300),
    "kstreams": (System("Kafka Streams", "kstreams"), 4000),
    "postgres": (System("FastAPI, PostgreSQL, Redis cache", "pgapi-tuned"), 500),
}


def main() -> None:
    """Measure the systems in turn, round by round, and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--systems", default=",".join(SYSTEMS))
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=10, help="at each steady rate")
    arguments.add_argument("--step-seconds", type=float, default=8)
    options = arguments.parse_args()
    harness.prepare()
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in options.systems.split(",")}
    with (harness.WORK / "peers.jsonl").open("a") as log:
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
    """Return the figures of one round: {column: value}."""
    system, start = SYSTEMS[name]
    figures: dict[str, float] = {}
    with harness.running(f"orders-{name}", system) as it:
        it.load(WARM_SECONDS, orders=WARM_RATE)
        for rate in RATES:
            before = it.written()
            got = it.load(seconds, orders=rate)
            sent = got["orders"]["sent"] * (seconds + 2) / seconds  # those of the warm-up were written, too
            figures[f"{rate} p50"] = got["orders"]["p50_ms"]
            figures[f"{rate} p95"] = got["orders"]["p95_ms"]
            figures[f"{rate} cpu"] = 1000 * got["sut_cpu_cores"] / rate
            figures[f"{rate} kib"] = (it.written() - before) / sent / 1024
        step: dict[str, Any] = harness.sustained(it.capacity("orders", start, step_seconds, P95_MS))
        figures["most"], figures["most cpu"] = step["rate"], 1000 * step["sut_cpu"] / max(1, step["rate"])
    return figures


def _table(measured: dict[str, list[dict[str, float]]]) -> str:
    """Return a row for each figure, a column for each system: medians, and the least and the most of the rounds."""
    titles = {"most": f"orders/s at p95 <= {P95_MS} ms", "most cpu": "core-ms per order, then"}
    for rate in RATES:
        titles |= {
            f"{rate} p50": f"p50 at {rate}/s, ms",
            f"{rate} p95": f"p95 at {rate}/s, ms",
            f"{rate} cpu": f"core-ms per order at {rate}/s",
            f"{rate} kib": f"KiB written per order at {rate}/s",
        }
    lines = [
        "| | " + " | ".join(SYSTEMS[name][0].title for name in measured) + " |",
        "|---|" + "---|" * len(measured),
    ]
    for column, title in titles.items():
        cells = [_cell([figures[column] for figures in rounds]) for rounds in measured.values()]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(values: list[float]) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    digits = ".0f" if middle >= 20 else ".1f" if middle >= 2 else ".2f"
    return f"{middle:{digits}} ({low:{digits}}-{high:{digits}})"


if __name__ == "__main__":
    main()
