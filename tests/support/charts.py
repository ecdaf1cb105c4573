"""Line charts as SVG without a library, readable in a report and, alone, in a document."""

import math
from collections.abc import Callable, Mapping, Sequence
from xml.sax.saxutils import escape

from msgspec import Struct

WIDTH, HEIGHT = 900, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 34, 30
#: Space between two charts of one drawing.
GAP = 12
#: Distinguishable for colour-blind readers (Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#444}.title{font-weight:600;font-size:14px;fill:#111}"
    ".grid{stroke:#ddd}.event{stroke:#888;stroke-dasharray:4 3}.level{stroke:#b00020;stroke-dasharray:2 4}"
    ".phase{fill:#f3f0e8}polyline{fill:none;stroke-width:1.8;stroke-linejoin:round}"
)

Points = Sequence[tuple[float, float]]
Place = Callable[[float, float], tuple[float, float]]


class Marks(Struct, frozen=True):
    """The background of a chart: shaded spans of the horizontal axis, and moments with a label."""

    spans: list[tuple[float, float]] = []
    moments: list[tuple[float, str]] = []


UNMARKED = Marks()


class Chart(Struct, frozen=True):
    """Lines by name, on common axes that begin at 0; `level` is a limit, drawn as a horizontal line."""

    title: str
    unit: str
    lines: Mapping[str, Points]
    axis: str = "s"
    marks: Marks = UNMARKED
    level: float | None = None


def draw(chart: Chart) -> str:
    """Return a drawing of one chart."""
    return _drawing(_draw_chart(chart), HEIGHT, chart.title)


def draw_stacked(title: str, charts: Sequence[Chart]) -> str:
    """Return a drawing of several charts, one below the other."""
    parts = [
        f'<g transform="translate(0,{number * (HEIGHT + GAP)})">{_draw_chart(chart)}</g>'
        for number, chart in enumerate(charts)
    ]
    return _drawing("".join(parts), len(charts) * (HEIGHT + GAP), title)


def round_step(span: float, max_parts: int) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that divides a span into at most so many parts."""
    if span <= 0:
        return 1.0
    rough = span / max_parts
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * times for times in (1, 2, 5, 10) if power * times >= rough * 0.999999)


def _draw_chart(chart: Chart) -> str:
    points = [point for line in chart.lines.values() for point in line]
    right = max([x for x, _ in points] + [end for _, end in chart.marks.spans] + [1e-9])
    top = 1.05 * (max([y for _, y in points] + [chart.level or 0.0]) or 1.0)
    step_y = round_step(top, 5)
    step_x = round_step(right, 10)

    def place(x: float, y: float) -> tuple[float, float]:
        across = LEFT + x / right * (WIDTH - LEFT - RIGHT)
        return round(across, 1), round(HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM), 1)

    parts = [f'<text class="title" x="{LEFT}" y="16">{escape(chart.title)} ({escape(chart.unit)})</text>']
    for begin, end in chart.marks.spans:
        (x, _), (x2, _) = place(begin, 0), place(end, 0)
        width = round(x2 - x, 1)
        parts.append(
            f'<rect class="phase" x="{x}" y="{TOP}" width="{width}" height="{HEIGHT - TOP - BOTTOM}"/>'
        )
    for number in range(int(top / step_y) + 1):
        _, y = place(0, number * step_y)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{number * step_y:g}</text>')
    for number in range(int(right / step_x) + 1):
        x, _ = place(number * step_x, 0)
        parts.append(f'<text x="{x}" y="{HEIGHT - 12}" text-anchor="middle">{number * step_x:g}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT}" text-anchor="end">{escape(chart.axis)}</text>')
    if chart.level is not None:
        _, y = place(0, chart.level)
        parts.append(f'<line class="level" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
    for moment, label in chart.marks.moments:
        x, _ = place(moment, 0)
        parts.append(f'<line class="event" x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{x + 4}" y="{TOP + 12}">{escape(label)}</text>')
    return "".join([*parts, *_draw_lines(chart.lines, place)])


def _draw_lines(lines: Mapping[str, Points], place: Place) -> list[str]:
    """Return the lines and their legend, which begins at the right."""
    parts = []
    legend = WIDTH - RIGHT
    for number, (name, points) in reversed(list(enumerate(lines.items()))):
        colour = COLOURS[number % len(COLOURS)]
        drawn = " ".join("{},{}".format(*place(x, y)) for x, y in points)
        parts.append(f'<polyline stroke="{colour}" points="{drawn}"/>')
        legend -= 7 * len(name) + 26
        parts.append(f'<rect x="{legend}" y="8" width="12" height="4" fill="{colour}"/>')
        parts.append(f'<text x="{legend + 16}" y="15">{escape(name)}</text>')
    return parts


def _drawing(content: str, height: int, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}"><style>{STYLE}</style>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>{content}</svg>'
    )
