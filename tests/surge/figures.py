"""The figures of a window: load, responses, service levels. Pure."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct, structs

from tests.checker.invariants import summarize_findings
from tests.checker.observations import Finding
from tests.surge.events import WindowEvent
from tests.surge.histogram import merge, quantile
from tests.surge.profile import Phase, Profile
from tests.surge.stack_monitor import StackSample
from tests.surge.tally import Second, Tally, errors, rejections

#: The service levels: three times in seconds, and a share.
READ_P95, ORDER_P95, STALE_P99, ERRORS = 0.120, 0.300, 3.0, 0.001
#: Seconds; if the p99 of the lateness is above it, the generators did not hold the load.
LATE_P99 = 0.050
#: Seconds after an event in which its cost shows.
EVENT_COST_SECONDS = 15.0


class WindowResult(Struct):
    """All results of a window."""

    profile: Profile
    tally: Tally
    samples: list[StackSample]
    events: list[WindowEvent]
    figures: dict[str, int]
    findings: dict[str, Finding]
    command: str


class ServiceLevel(Struct, frozen=True):
    """One promise, and whether it was kept."""

    name: str
    promised: str
    measured: str
    kept: bool


def rows(result: WindowResult) -> list[dict[str, str]]:
    """Return a row of figures for each phase."""
    return [_row(result, begin, end, phase) for begin, end, phase in result.profile.spans()]


def levels(result: WindowResult) -> list[ServiceLevel]:
    """Return the service levels over the promotion."""
    begin, end = result.profile.span("surge")
    reads, orders = (result.tally.over(kind, begin, end) for kind in ("reads", "orders"))
    failed = errors("reads", reads) + errors("orders", orders)
    requests = sum(reads.statuses.values()) + sum(orders.statuses.values())
    share = failed / requests if requests else 0.0
    broken = sum(len(finding.violations) for finding in result.findings.values())
    oversold = result.findings.get("never-oversold", Finding())
    late = quantile(merge(reads.late, orders.late), 0.99)
    return [
        _limit("menus, p95", quantile(reads.served, 0.95), READ_P95, _ms),
        _limit("confirmations, p95", quantile(orders.accepted, 0.95), ORDER_P95, _ms),
        _limit("age of menus, p99", quantile(reads.stale, 0.99), STALE_P99, lambda s: f"{s:.2f} s"),
        _limit("errors", share, ERRORS, lambda s: f"{s:.3%}"),
        ServiceLevel(
            "oversold", "0", f"{len(oversold.violations)} of {oversold.checked}", not oversold.violations
        ),
        ServiceLevel("violations", "0", str(broken), broken == 0),
        _limit("load sent late, p99", late, LATE_P99, _ms),
    ]


def costs(result: WindowResult) -> list[tuple[str, str, str]]:
    """Return each event, how long until all workers were ready, and the longest wait of an order around it."""
    return [
        (
            f"{event.name} at {event.at:.0f} s",
            f"{event.seconds:.1f} s" if event.seconds is not None else "not recovered",
            _ms(quantile(_orders_around(result, event).served, 1.0)),
        )
        for event in result.events
    ]


def series(result: WindowResult, kind: str, of: Callable[[Second], float]) -> list[tuple[float, float]]:
    """Return a figure of each second of the window."""
    last = int(result.profile.seconds)
    return [(second, of(result.tally.over(kind, second, second + 1))) for second in range(last)]


def summarize(result: WindowResult) -> dict[str, Any]:
    """Return all figures as plain data."""
    return {
        "command": result.command,
        "seconds": result.profile.seconds,
        "phases": rows(result),
        "levels": {
            level.name: {"promised": level.promised, "measured": level.measured, "kept": level.kept}
            for level in levels(result)
        },
        "events": costs(result),
        "figures": result.figures,
        "samples": [structs.asdict(sample) for sample in result.samples],
        "invariants": summarize_findings(result.findings),
    }


def _row(result: WindowResult, begin: float, end: float, phase: Phase) -> dict[str, str]:
    reads, orders = (result.tally.over(kind, begin, end) for kind in ("reads", "orders"))
    samples = [sample for sample in result.samples if begin <= sample.at < end]
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
        "rejected": str(rejections(orders)),
        "max lag": f"{max((sum(sample.lag.values()) for sample in samples), default=0.0):.0f}",
        "cores": f"{_mean(sum(sample.cpu.values()) for sample in samples):.2f}",
        "sent late p99": _ms(quantile(merge(reads.late, orders.late), 0.99)),
    }


def _orders_around(result: WindowResult, event: WindowEvent) -> Second:
    return result.tally.over("orders", event.at - 1, event.at + EVENT_COST_SECONDS)


def _limit(name: str, measured: float, promised: float, show: Callable[[float], str]) -> ServiceLevel:
    return ServiceLevel(name, f"<= {show(promised)}", show(measured), measured <= promised)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values) if values else 0.0
