"""The report of a window: report.html and window.svg for people, report.json for programs, tables for the terminal."""

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from tests.checker.invariants import MAX_SHOWN
from tests.support import charts
from tests.support.charts import Chart, Marks, Points
from tests.surge import figures
from tests.surge.figures import ORDER_P95, READ_P95, STALE_P99, WindowResult
from tests.surge.histogram import quantile
from tests.surge.tally import Second, errors, rejections

#: Charts of tests/surge/pressure.py and tests/surge/backlog.py, which the report includes if they exist.
PRESSURE_CHART, BACKLOG_CHART = "pressure.svg", "backlog.svg"
INCLUDED = (("Under pressure", PRESSURE_CHART), ("A worker that joins", BACKLOG_CHART))
STYLE = """
:root{color-scheme:light}body{font:15px/1.5 system-ui,sans-serif;max-width:960px;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums;display:block;overflow-x:auto}
th,td{padding:.25rem .6rem;border-bottom:1px solid #ddd;text-align:right}th:first-child,td:first-child{text-align:left}
svg{width:100%;height:auto;margin:.5rem 0}.kept{color:#00703c}.broken{color:#b00020;font-weight:600}code{background:#f3f0e8;padding:0 .3em}
"""


class ReportTable(Struct):
    """One table of the report."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def show(console: Console, result: WindowResult) -> None:
    """Print the tables."""
    for one in _tables(result):
        table = Table(title=one.title, title_justify="left")
        for number, name in enumerate(one.columns):
            table.add_column(name, justify="left" if number == 0 else "right")
        for row in one.rows:
            table.add_row(*row)
        console.print(table)


def write(result: WindowResult, folder: Path) -> Path:
    """Write the files of the report; return the path of report.html."""
    summary = msgspec.json.format(msgspec.json.encode(figures.summarize(result)), indent=1)
    (folder / "report.json").write_bytes(summary)
    drawn = _charts(result)
    (folder / "window.svg").write_text(charts.draw_stacked("The window over time", drawn))
    included = [(title, folder / name) for title, name in INCLUDED]
    page = folder / "report.html"
    page.write_text(
        _page(result, drawn, [(title, file.read_text()) for title, file in included if file.exists()])
    )
    return page


def _tables(result: WindowResult) -> list[ReportTable]:
    levels = [
        [level.name, level.promised, level.measured, "kept" if level.kept else "NOT KEPT"]
        for level in figures.levels(result)
    ]
    tables = [
        ReportTable("The promotion", ["level", "promised", "measured", ""], levels),
        _transposed("By phase", figures.rows(result)),
        ReportTable(
            "Events",
            ["event", "all workers ready after", "longest wait of an order around it"],
            figures.costs(result),
        ),
        ReportTable(
            "The checker",
            ["invariant", "checked", "violations"],
            [[name, str(f.checked), str(len(f.violations))] for name, f in result.findings.items()],
        ),
        ReportTable(
            "Figures", ["figure", ""], [[name, str(number)] for name, number in result.figures.items()]
        ),
    ]
    return [table for table in tables if table.rows]


def _transposed(title: str, rows: list[dict[str, str]]) -> ReportTable:
    """Return a table with a column for each of these rows."""
    head, *figures_of_phases = zip(*(row.items() for row in rows), strict=True)
    columns = ["", *(value for _, value in head)]
    return ReportTable(
        title, columns, [[cells[0][0], *(value for _, value in cells)] for cells in figures_of_phases]
    )


def _page(result: WindowResult, drawn: Sequence[Chart], included: Sequence[tuple[str, str]]) -> str:
    violations = [f"{n}: {v}" for n, f in result.findings.items() for v in f.violations[:MAX_SHOWN]]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>The window under load</title><style>{STYLE}</style><h1>The window under load</h1>",
        f"<p><code>{escape(result.command)}</code></p>",
        "<p>Open loop: a latency counts from the moment when the request was due. Grey: the promotion, with twenty"
        " times the reads and five times the orders. Dotted red: the service level.</p>",
        *(f"<p class=broken>{escape(message)}</p>" for message in violations),
    ]
    tables = [_html(table) for table in _tables(result)]
    parts += [*tables[:2], *map(charts.draw, drawn)]
    for title, drawing in included:
        parts += [f"<h2>{escape(title)}</h2>", drawing]
    return "\n".join([*parts, *tables[2:], "</html>"])


def _html(table: ReportTable) -> str:
    def cell(text: str) -> str:
        kind = {"kept": " class=kept", "NOT KEPT": " class=broken"}.get(text, "")
        return f"<td{kind}>{escape(text)}</td>"

    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    rows = "".join("<tr>" + "".join(map(cell, row)) + "</tr>" for row in table.rows)
    return f"<h2>{escape(table.title)}</h2><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _charts(result: WindowResult) -> list[Chart]:
    marks = Marks([result.profile.span("surge")], [(event.at, event.name) for event in result.events])
    samples = [sample for sample in result.samples if 0 <= sample.at <= result.profile.seconds]
    groups = sorted({group for sample in samples for group in sample.lag})
    roles = sorted({role for sample in samples for role in sample.cpu})

    def of_second(kind: str, figure: Callable[[Second], float]) -> Points:
        return figures.series(result, kind, figure)

    def of_times(kind: str, attribute: str, share: float, factor: float = 1000.0) -> Points:
        return of_second(kind, lambda second: quantile(getattr(second, attribute), share) * factor)

    def quantiles(kind: str, attribute: str) -> dict[str, Points]:
        return {f"p{share}": of_times(kind, attribute, share / 100) for share in (50, 95, 99)}

    def chart(title: str, unit: str, lines: dict[str, Points], level: float | None = None) -> Chart:
        return Chart(title, unit, lines, marks=marks, level=level)

    return [
        chart(
            "Reads with a response",
            "per second",
            {"reads": of_second("reads", lambda s: sum(s.served.values()))},
        ),
        chart(
            "Orders decided",
            "per second",
            {
                "all": of_second("orders", lambda s: sum(s.served.values())),
                "confirmed": of_second("orders", lambda s: sum(s.accepted.values())),
            },
        ),
        chart("Menus: time from due to response", "ms", quantiles("reads", "served"), READ_P95 * 1000),
        chart(
            "Orders: time from due to confirmation", "ms", quantiles("orders", "accepted"), ORDER_P95 * 1000
        ),
        chart(
            "Age of menus",
            "s",
            {f"p{share}": of_times("reads", "stale", share / 100, 1.0) for share in (50, 99)},
            STALE_P99,
        ),
        chart(
            "Lag of consumers",
            "records",
            {group: [(s.at, s.lag.get(group, 0.0)) for s in samples] for group in groups},
        ),
        chart(
            "Errors, and orders rejected",
            "per second",
            {
                "errors": of_second("reads", lambda s: errors("reads", s)),
                "order errors": of_second("orders", lambda s: errors("orders", s)),
                "rejected": of_second("orders", rejections),
            },
        ),
        chart("CPU", "cores", {role: [(s.at, s.cpu.get(role, 0.0)) for s in samples] for role in roles}),
        chart(
            "Processes",
            "number",
            {
                role: [(s.at, s.processes.get(role, 0)) for s in samples]
                for role in ("streams", "ingress", "egress")
            },
        ),
        chart(
            "The load itself: sent late, p99",
            "ms",
            {kind: of_times(kind, "late", 0.99) for kind in ("reads", "orders")},
        ),
    ]
