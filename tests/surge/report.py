"""build/surge: report.html and window.svg for people, report.json for programs, a table for the terminal."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from tests.surge import charts, figures
from tests.surge.charts import Marks, Points
from tests.surge.figures import ORDER_P95, READ_P95, STALE_P99, Result
from tests.surge.histogram import quantile
from tests.surge.tally import TURNED_AWAY, Second, errors

#: Drawings of other runs that the report shows where they have been made (pressure.py, draining.py).
CURVE, DRAINING = "pressure.svg", "draining.svg"
BESIDE = (("Under pressure", CURVE), ("A worker that joins", DRAINING))
STYLE = """
:root{color-scheme:light}body{font:15px/1.5 system-ui,sans-serif;max-width:960px;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums;display:block;overflow-x:auto}
th,td{padding:.25rem .6rem;border-bottom:1px solid #ddd;text-align:right}th:first-child,td:first-child{text-align:left}
svg{width:100%;height:auto;margin:.5rem 0}.kept{color:#00703c}.broken{color:#b00020;font-weight:600}code{background:#f3f0e8;padding:0 .3em}
"""


def show(console: Console, result: Result) -> None:
    """Print the tables."""
    for title, head, rows in _tables(result):
        table = Table(title=title, title_justify="left")
        for number, name in enumerate(head):
            table.add_column(name, justify="left" if number == 0 else "right")
        for row in rows:
            table.add_row(*row)
        console.print(table)


def write(result: Result, folder: Path) -> Path:
    """Write the report; returns its page."""
    summed = msgspec.json.format(msgspec.json.encode(figures.summary(result)), indent=1)
    (folder / "report.json").write_bytes(summed)
    whole = [_chart(result, number, alone=False) for number in range(len(_DRAWN))]
    (folder / "window.svg").write_text(charts.stacked(whole, "The window, over time"))
    page = folder / "report.html"
    drawn = [(title, folder / name) for title, name in BESIDE]
    page.write_text(_page(result, [(title, file.read_text()) for title, file in drawn if file.exists()]))
    return page


def _tables(result: Result) -> list[tuple[str, list[str], list[list[str]]]]:
    rows = figures.rows(result)
    levels = [[one.name, one.promised, one.measured, _kept(one.kept)] for one in figures.levels(result)]
    tables = [
        ("The promotion", ["level", "promised", "measured", ""], levels),
        ("By phase", *_turned(rows)),
        (
            "What happened",
            ["event", "all workers worked after", "longest wait of an order around it"],
            [list(cost) for cost in figures.costs(result)],
        ),
        (
            "The checker",
            ["invariant", "checked", "violations"],
            [[name, str(f.checked), str(len(f.violations))] for name, f in result.findings.items()],
        ),
        ("Figures", ["figure", ""], [[name, str(number)] for name, number in result.figures.items()]),
    ]
    return [table for table in tables if table[2]]


def _turned(rows: list[dict[str, str]]) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of a table with a column for each phase."""
    head, *figures_of_phases = zip(*(row.items() for row in rows), strict=True)
    names = ["", *(value for _, value in head)]
    return names, [[cells[0][0], *(value for _, value in cells)] for cells in figures_of_phases]


def _kept(kept: bool) -> str:
    return "kept" if kept else "NOT KEPT"


def _page(result: Result, beside: Sequence[tuple[str, str]]) -> str:
    violations = [f"{n}: {v}" for n, f in result.findings.items() for v in f.violations[:5]]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>The window under load</title><style>{STYLE}</style><h1>The window under load</h1>",
        f"<p><code>{escape(result.command)}</code></p>",
        "<p>Open loop: a request counts from the moment it was due. Grey: the promotion, with twenty times the"
        " reads and five times the orders. Dotted red: the service level.</p>",
        *(f"<p class=broken>{escape(message)}</p>" for message in violations),
    ]
    tables = [_html(*table) for table in _tables(result)]
    drawn = [_chart(result, number) for number in range(len(_DRAWN))]
    parts += [*tables[:2], *drawn]
    for title, drawing in beside:
        parts += [f"<h2>{escape(title)}</h2>", drawing]
    return "\n".join([*parts, *tables[2:], "</html>"])


def _html(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def cell(text: str) -> str:
        kind = {"kept": " class=kept", "NOT KEPT": " class=broken"}.get(text, "")
        return f"<td{kind}>{escape(text)}</td>"

    lines = ["<tr>" + "".join(map(cell, row)) + "</tr>" for row in rows]
    return (
        f"<h2>{escape(title)}</h2><table><thead><tr>"
        + "".join(f"<th>{escape(name)}</th>" for name in head)
        + "</tr></thead><tbody>"
        + "".join(lines)
        + "</tbody></table>"
    )


def _chart(result: Result, number: int, *, alone: bool = True) -> str:
    title, unit, level = _DRAWN[number]
    at = None if alone else (0.0, number * (charts.HEIGHT + 12.0))
    surge = [(begin, end) for begin, end, phase in result.profile.spans() if phase.name == "surge"]
    marks = Marks(surge, [(event.at, event.what) for event in result.events])
    return charts.line_chart(title, unit, _lines(result, title), marks=marks, level=level, at=at)


_DRAWN = (
    ("Requests answered", "per second", None),
    ("Orders decided", "per second", None),
    ("Menus: time from due to answer", "ms", READ_P95 * 1000),
    ("Orders: time from due to confirmation", "ms", ORDER_P95 * 1000),
    ("Age of menus", "s", STALE_P99),
    ("Lag of consumers", "records", None),
    ("Errors, and orders turned away", "per second", None),
    ("CPU", "cores", None),
    ("Processes", "number", None),
    ("The load itself: sent late, p99", "ms", None),
)


def _lines(result: Result, title: str) -> dict[str, Points]:
    def seconds(kind: str, attribute: str, share: float, times: float = 1000.0) -> Points:
        return figures.series(result, kind, lambda s: quantile(getattr(s, attribute), share) * times)

    def quantiles(kind: str, attribute: str) -> dict[str, Points]:
        return {f"p{share}": seconds(kind, attribute, share / 100) for share in (50, 95, 99)}

    looks = [look for look in result.looks if 0 <= look.at <= result.profile.seconds]
    match title:
        case "Requests answered":
            return {"reads": figures.series(result, "reads", lambda s: sum(s.served.values()))}
        case "Orders decided":
            return {
                "all": figures.series(result, "orders", lambda s: sum(s.served.values())),
                "confirmed": figures.series(result, "orders", lambda s: sum(s.accepted.values())),
            }
        case "Menus: time from due to answer":
            return quantiles("reads", "served")
        case "Orders: time from due to confirmation":
            return quantiles("orders", "accepted")
        case "Age of menus":
            return {"p50": seconds("reads", "stale", 0.5, 1.0), "p99": seconds("reads", "stale", 0.99, 1.0)}
        case "Lag of consumers":
            groups = sorted({group for look in looks for group in look.lag})
            return {group: [(look.at, look.lag.get(group, 0.0)) for look in looks] for group in groups}
        case "Errors, and orders turned away":
            return {
                "errors": figures.series(
                    result, "reads", lambda s: errors("reads", s)
                ),
                "order errors": figures.series(result, "orders", lambda s: errors("orders", s)),
                "turned away": figures.series(result, "orders", _away),
            }  # fmt: skip
        case "CPU":
            roles = sorted({role for look in looks for role in look.cpu})
            return {role: [(look.at, look.cpu.get(role, 0.0)) for look in looks] for role in roles}
        case "Processes":
            roles = ["streams", "ingress", "egress"]
            return {role: [(look.at, look.processes.get(role, 0)) for look in looks] for role in roles}
        case _:
            return {kind: seconds(kind, "late", 0.99) for kind in ("reads", "orders")}


def _away(second: Second) -> float:
    return sum(count for status, count in second.statuses.items() if status in TURNED_AWAY)
