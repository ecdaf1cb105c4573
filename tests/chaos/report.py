"""The report of a campaign: faults, invariants, violations, responses and latencies."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from tests.chaos.campaign import CampaignResult
from tests.chaos.comparison import run as comparison
from tests.checker.invariants import summarize_findings, violations
from tests.support.report import table
from tests.support.statistics import quantile

DECIDED = (201, 409)


def summarize(result: CampaignResult) -> dict[str, Any]:
    """Return all figures of the report as plain data."""
    broken = violations(result.findings)
    return {
        "seed": result.options.seed,
        "seconds": round(result.ended_at - result.began_at),
        "rate": result.options.rate,
        "faults": _by_count(fault.name for fault in result.injected if not fault.error),
        "failed injections": [f"{fault.name}: {fault.error}" for fault in result.injected if fault.error],
        "figures": {
            **result.figures,
            "orders confirmed": sum(f.topic == "order.confirmed" for f in result.seen.facts),
            "orders refused": sum(f.topic == "order.failed" for f in result.seen.facts),
            "commands": len(result.seen.inputs),
            "undecodable records": result.seen.poisoned,
            "menus read": len(result.seen.reads),
            "degraded menus": sum(read.degraded for read in result.seen.reads),
        },
        "orders": _statuses([attempt.status for attempt in result.seen.calls]),
        "no response": dict(Counter(timing.error for timing in result.timings if timing.error)),
        "menus": _statuses([200] * len(result.seen.reads) + [s for _, s in result.seen.failed_reads]),
        "latency": _latency(result),
        "under each fault": _under_faults(result),
        "invariants": summarize_findings(result.findings),
        "violations": sum(map(len, broken.values())),
    }


def write(summary: dict[str, Any], folder: Path) -> Path:
    """Write report.md and report.json; return the path of the former."""
    (folder / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=1))
    report = folder / "report.md"
    report.write_text(markdown(summary))
    return report


def write_history(result: CampaignResult, folder: Path) -> None:
    """Write every fault and every attempt to order, to trace a violation."""
    encode = msgspec.json.Encoder().encode
    with (folder / "history.jsonl").open("wb") as history:
        for fault in result.injected:
            history.write(encode(fault) + b"\n")
        for attempt, timing in zip(result.seen.calls, result.timings, strict=True):
            line = {**msgspec.structs.asdict(timing), **msgspec.structs.asdict(attempt)}
            history.write(encode(line | {"body": attempt.body.decode()}) + b"\n")


def markdown(summary: dict[str, Any]) -> str:
    """Return the report as Markdown."""
    faults = summary["faults"]
    found = summary["invariants"].items()
    parts = [
        "# Fault campaign",
        f"Seed {summary['seed']}, {summary['seconds']} s, {summary['rate']:g} orders a second. "
        f"**{sum(faults.values())} faults of {len(faults)} kinds, {summary['violations']} violations.**",
        _table(
            ("invariant", "observations checked", "violations"),
            [(name, finding["checked"], finding["violations"]) for name, finding in found],
        ),
        "\n".join(f"- **{name}**: {message}" for name, finding in found for message in finding["first"]),
        comparison.table(summary["comparison"]) if "comparison" in summary else "",
        _table(
            ("fault", "times", "attempts to order", "5xx or no response", "median s to recover"),
            [
                (name, f["times"], f["orders"], f"{f['share of 5xx']:.1%}", f"{f['median seconds']:.1f}")
                for name, f in summary["under each fault"].items()
            ],
        ),
        "\n".join(f"- not injected: {line}" for line in summary["failed injections"]),
        _table(("figure", ""), summary["figures"].items()),
        _table(("responses to orders", ""), summary["orders"].items()),
        _table(("no response", ""), summary["no response"].items()),
        _table(("responses to readers", ""), summary["menus"].items()),
        _table(
            ("latency, ms", "p50", "p95"),
            [(name, ms["p50"], ms["p95"]) for name, ms in summary["latency"].items()],
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    """Return a table, or nothing for no rows."""
    rows = list(rows)
    return table(columns, rows) if rows else ""


def _by_count(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: -item[1]))


def _statuses(statuses: list[int]) -> dict[str, int]:
    return {str(s) if s else "no response": count for s, count in sorted(Counter(statuses).items())}


def _latency(result: CampaignResult) -> dict[str, dict[str, int]]:
    first = result.injected[0].began_at if result.injected else result.ended_at
    decided = [
        (timing.at, timing.seconds)
        for attempt, timing in zip(result.seen.calls, result.timings, strict=True)
        if attempt.status in DECIDED and timing.is_synchronous
    ]
    return {
        "orders before the first fault": _quantiles([s for at, s in decided if at < first]),
        "orders from then on": _quantiles([s for at, s in decided if at >= first]),
        "menus": _quantiles(result.read_seconds),
    }


def _quantiles(seconds: list[float]) -> dict[str, int]:
    return {f"p{share}": round(quantile(seconds, share / 100) * 1000) for share in (50, 95)}


def _under_faults(result: CampaignResult) -> dict[str, dict[str, float]]:
    """Return the orders between each fault and its recovery; of overlapping faults, an order counts for both."""
    under: dict[str, dict[str, float]] = {}
    for name in dict.fromkeys(fault.name for fault in result.injected):
        faults = [fault for fault in result.injected if fault.name == name]
        windows = [(fault.began_at, fault.recovered_at or fault.healed_at) for fault in faults]
        statuses = [
            attempt.status
            for attempt, timing in zip(result.seen.calls, result.timings, strict=True)
            if any(since <= timing.at <= until for since, until in windows)
        ]
        failed = sum(status == 0 or status >= 500 for status in statuses)
        recoveries = [f.recovery_seconds for f in faults if f.recovery_seconds is not None]
        under[name] = {
            "times": len(faults),
            "orders": len(statuses),
            "share of 5xx": failed / len(statuses) if statuses else 0.0,
            "median seconds": quantile(recoveries, 0.5),
        }
    return under
