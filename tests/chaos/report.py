"""The report: what struck, what was checked, what was found, how it felt."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from tests.chaos.campaign import Result
from tests.chaos.comparison import run as comparison
from tests.chaos.statistics import quantile
from tests.checker.check import violations

DECIDED = (201, 409)
SHOWN = 5


def summary(result: Result) -> dict[str, Any]:
    """Return all figures of the report."""
    broken = violations(result.findings)
    return {
        "seed": result.options.seed,
        "seconds": round(result.ended_at - result.began_at),
        "rate": result.options.rate,
        "faults": dict(Counter(s.name for s in result.struck if not s.error).most_common()),
        "faults that could not be done": [f"{s.name}: {s.error}" for s in result.struck if s.error],
        "figures": {
            **result.figures,
            "orders confirmed": sum(f.topic == "order.confirmed" for f in result.seen.facts),
            "orders refused": sum(f.topic == "order.failed" for f in result.seen.facts),
            "commands": len(result.seen.inputs),
            "poison records": result.seen.poisoned,
            "menu pages read": len(result.seen.reads),
            "of them degraded": sum(read.degraded for read in result.seen.reads),
        },
        "orders": _statuses([call.status for call in result.seen.calls]),
        "no answer": dict(Counter(exchange.error for exchange in result.exchanges if exchange.error)),
        "menu pages": _statuses([200] * len(result.seen.reads) + [s for _, s in result.seen.unread]),
        "latency": _latency(result),
        "under each fault": _under_faults(result),
        "invariants": {
            name: {
                "checked": finding.checked,
                "violations": len(finding.violations),
                "first": finding.violations[:SHOWN],
            }
            for name, finding in result.findings.items()
        },
        "violations": sum(map(len, broken.values())),
    }


def write(summed: dict[str, Any], folder: Path) -> Path:
    """Write report.md and report.json; returns the former."""
    (folder / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(summed), indent=1))
    report = folder / "report.md"
    report.write_text(markdown(summed))
    return report


def write_history(result: Result, folder: Path) -> None:
    """Write every exchange with a customer, and every fault, for whoever looks into a violation."""
    encode = msgspec.json.Encoder().encode
    with (folder / "history.jsonl").open("wb") as history:
        for struck in result.struck:
            history.write(encode(struck) + b"\n")
        for call, exchange in zip(result.seen.calls, result.exchanges, strict=True):
            shown = {**msgspec.structs.asdict(exchange), **msgspec.structs.asdict(call)}
            history.write(encode(shown | {"body": call.body.decode()}) + b"\n")


def markdown(summed: dict[str, Any]) -> str:
    """Return the report as a person reads it."""
    faults = summed["faults"]
    lines = [
        "# Fault campaign",
        "",
        f"Seed {summed['seed']}, {summed['seconds']} s, {summed['rate']:g} orders a second. "
        f"**{sum(faults.values())} faults of {len(faults)} kinds, {summed['violations']} violations.**",
        "",
        *_table("| invariant | observations checked | violations |", _invariant_rows(summed)),
        *_violations(summed),
        *(comparison.table(summed["comparison"]) if "comparison" in summed else []),
        *_table(
            "| fault | times | orders asked | 5xx or no answer | median s to recover |", _fault_rows(summed)
        ),
        *[f"- could not be done: {line}" for line in summed["faults that could not be done"]],
        "",
        *_table("| figure | |", [f"| {name} | {count} |" for name, count in summed["figures"].items()]),
        *_table("| answers to orders | |", [f"| {s} | {count} |" for s, count in summed["orders"].items()]),
        *_table(
            "| no answer | |", [f"| {error} | {count} |" for error, count in summed["no answer"].items()]
        ),
        *_table("| answers to readers | |", [f"| {s} | {n} |" for s, n in summed["menu pages"].items()]),
        *_table("| latency, ms | p50 | p95 |", _latency_rows(summed)),
    ]
    return "\n".join(lines) + "\n"


def _table(head: str, rows: list[str]) -> list[str]:
    return [head, "|" + "---|" * (head.count("|") - 1), *rows, ""] if rows else []


def _invariant_rows(summed: dict[str, Any]) -> list[str]:
    return [
        f"| {n} | {found['checked']} | {found['violations']} |" for n, found in summed["invariants"].items()
    ]


def _violations(summed: dict[str, Any]) -> list[str]:
    found = [
        f"- **{name}**: {message}"
        for name, finding in summed["invariants"].items()
        for message in finding["first"]
    ]
    return [*found, ""] if found else []


def _fault_rows(summed: dict[str, Any]) -> list[str]:
    return [
        f"| {name} | {u['times']} | {u['orders']} | {u['share of 5xx']:.1%} | {u['median seconds']:.1f} |"
        for name, u in summed["under each fault"].items()
    ]


def _latency_rows(summed: dict[str, Any]) -> list[str]:
    return [f"| {what} | {ms['p50']} | {ms['p95']} |" for what, ms in summed["latency"].items()]


def _statuses(statuses: list[int]) -> dict[str, int]:
    return {str(s) if s else "no answer": count for s, count in sorted(Counter(statuses).items())}


def _latency(result: Result) -> dict[str, dict[str, int]]:
    first = result.struck[0].began_at if result.struck else result.ended_at
    decided = [
        (exchange.at, exchange.seconds)
        for call, exchange in zip(result.seen.calls, result.exchanges, strict=True)
        if call.status in DECIDED and exchange.waited
    ]
    return {
        "orders before the first fault": _quantiles([s for at, s in decided if at < first]),
        "orders from then on": _quantiles([s for at, s in decided if at >= first]),
        "menu pages": _quantiles(result.read_seconds),
    }


def _quantiles(seconds: list[float]) -> dict[str, int]:
    ascending = sorted(seconds)
    return {f"p{share}": round(quantile(ascending, share / 100) * 1000) for share in (50, 95)}


def _under_faults(result: Result) -> dict[str, dict[str, float]]:
    """Return what orders met from each fault's strike until all worked again; overlapping ones count for both."""
    under: dict[str, dict[str, float]] = {}
    for name in dict.fromkeys(struck.name for struck in result.struck):
        times = [s for s in result.struck if s.name == name]
        windows = [(s.began_at, s.recovered_at or s.healed_at) for s in times]
        met = [
            call.status
            for call, exchange in zip(result.seen.calls, result.exchanges, strict=True)
            if any(since <= exchange.at <= until for since, until in windows)
        ]
        failed = sum(status == 0 or status >= 500 for status in met)
        recoveries = sorted(s.seconds for s in times if s.seconds is not None)
        under[name] = {
            "times": len(times),
            "orders": len(met),
            "share of 5xx": failed / len(met) if met else 0.0,
            "median seconds": quantile(recoveries, 0.5),
        }
    return under
