"""The figures of a run: what was asked, what came of it, what was promised. Pure."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct, structs

from tests.checker.observations import Finding
from tests.surge.events import Event
from tests.surge.histogram import merged, quantile
from tests.surge.profile import Phase, Profile
from tests.surge.tally import TURNED_AWAY, Second, Tally, errors
from tests.surge.watch import Look

#: The service levels: seconds, and a share.
READ_P95, ORDER_P95, STALE_P99, ERRORS = 0.120, 0.300, 3.0, 0.001
#: A load that is sent later than this, at p99, in seconds, is not the load that was meant.
LATE_P99 = 0.050
#: Seconds around an event in which its cost shows.
AROUND = 15.0


class Result(Struct):
    """All that a run left."""

    profile: Profile
    tally: Tally
    looks: list[Look]
    events: list[Event]
    figures: dict[str, int]
    findings: dict[str, Finding]
    command: str


class Level(Struct, frozen=True):
    """One promise, and whether it was kept."""

    name: str
    promised: str
    measured: str
    kept: bool


def rows(result: Result) -> list[dict[str, str]]:
    """Return a row of figures for each phase."""
    return [_row(result, begin, end, phase) for begin, end, phase in result.profile.spans()]


def levels(result: Result) -> list[Level]:
    """Return what was promised beside what was measured, over the promotion itself."""
    begin, end = _surge(result.profile)
    reads, orders = (result.tally.over(kind, begin, end) for kind in ("reads", "orders"))
    failed = errors("reads", reads) + errors("orders", orders)
    asked = sum(reads.statuses.values()) + sum(orders.statuses.values())
    share = failed / asked if asked else 0.0
    broken = sum(len(finding.violations) for finding in result.findings.values())
    oversold = result.findings.get("never-oversold", Finding())
    late = quantile(merged(reads.late, orders.late), 0.99)
    return [
        _least("menus, p95", quantile(reads.served, 0.95), READ_P95, _ms),
        _least("confirmations, p95", quantile(orders.accepted, 0.95), ORDER_P95, _ms),
        _least("age of menus, p99", quantile(reads.stale, 0.99), STALE_P99, lambda s: f"{s:.2f} s"),
        _least("errors", share, ERRORS, lambda s: f"{s:.3%}"),
        Level("oversold", "0", f"{len(oversold.violations)} of {oversold.checked}", not oversold.violations),
        Level("violations", "0", str(broken), broken == 0),
        _least("load sent late, p99", late, LATE_P99, _ms),
    ]


def costs(result: Result) -> list[tuple[str, str, str]]:
    """Return of each event how long until all workers worked, and the longest that customers waited around it."""
    return [
        (
            f"{event.what} at {event.at:.0f} s",
            f"{event.seconds:.1f} s" if event.seconds is not None else "not back",
            _ms(quantile(_around(result, event).served, 1.0)),
        )
        for event in result.events
    ]


def series(result: Result, kind: str, of: Callable[[Second], float]) -> list[tuple[float, float]]:
    """Return a figure of each second of the window."""
    last = int(result.profile.seconds)
    return [(second, of(result.tally.over(kind, second, second + 1))) for second in range(last)]


def summary(result: Result) -> dict[str, Any]:
    """Return all figures as plain data."""
    return {
        "command": result.command,
        "seconds": result.profile.seconds,
        "phases": rows(result),
        "levels": {level.name: {"promised": level.promised, "measured": level.measured, "kept": level.kept} for level in levels(result)},
        "events": costs(result),
        "figures": result.figures,
        "looks": [structs.asdict(look) for look in result.looks],
        "invariants": {
            name: {"checked": f.checked, "violations": len(f.violations), "first": f.violations[:5]}
            for name, f in result.findings.items()
        },
    }  # fmt: skip


def _surge(profile: Profile) -> tuple[float, float]:
    return next((begin, end) for begin, end, phase in profile.spans() if phase.name == "surge")


def _row(result: Result, begin: float, end: float, phase: Phase) -> dict[str, str]:
    reads, orders = (result.tally.over(kind, begin, end) for kind in ("reads", "orders"))
    looks = [look for look in result.looks if begin <= look.at < end]
    away = sum(count for status, count in orders.statuses.items() if status in TURNED_AWAY)
    return {
        "phase": f"{phase.name}, {phase.seconds:.0f} s",
        "reads/s": f"{reads.due / phase.seconds:.0f}",
        "reads p50": _ms(quantile(reads.served, 0.5)),
        "reads p95": _ms(quantile(reads.served, 0.95)),
        "reads p99": _ms(quantile(reads.served, 0.99)),
        "orders/s": f"{orders.due / phase.seconds:.0f}",
        "confirmed p50": _ms(quantile(orders.accepted, 0.5)),
        "confirmed p95": _ms(quantile(orders.accepted, 0.95)),
        "confirmed p99": _ms(quantile(orders.accepted, 0.99)),
        "age p99": f"{quantile(reads.stale, 0.99):.2f} s",
        "errors": str(errors("reads", reads) + errors("orders", orders)),
        "turned away": str(away),
        "most lag": f"{_most([sum(look.lag.values()) for look in looks]):.0f}",
        "cores": f"{_mean([sum(look.cpu.values()) for look in looks]):.2f}",
        "sent late p99": _ms(quantile(merged(reads.late, orders.late), 0.99)),
    }


def _around(result: Result, event: Event) -> Second:
    return result.tally.over("orders", event.at - 1, event.at + AROUND)


def _least(name: str, measured: float, promised: float, show: Callable[[float], str]) -> Level:
    return Level(name, f"<= {show(promised)}", show(measured), measured <= promised)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _most(values: Sequence[float]) -> float:
    return max(values, default=0.0)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
