"""Lines over time as SVG, without a library: panels one below the other, a shaded span, a legend."""

from collections.abc import Sequence
from html import escape

from msgspec import Struct

WIDTH, PANEL, LEFT, TOP, GAP = 860, 170, 70, 34, 46
COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#b8860b", "#6a4c93", "#555555")


class Panel(Struct):
    """One diagram: a title, and its lines by name, each a list of (x, y)."""

    title: str
    lines: dict[str, Sequence[tuple[float, float]]]


def render(
    title: str, panels: Sequence[Panel], span: tuple[float, float] | None = None, note: str = ""
) -> str:
    """Return the SVG; `span` is shaded in each panel and named by `note`."""
    height = TOP + len(panels) * (PANEL + GAP) + 10
    xs = [x for p in panels for line in p.lines.values() for x, _ in line]
    low, high = min(xs), max(xs)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}</text>',
    ]
    for i, panel in enumerate(panels):
        parts += _panel(panel, TOP + 14 + i * (PANEL + GAP), low, high, span, note)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(
    panel: Panel, top: int, low: float, high: float, span: tuple[float, float] | None, note: str
) -> list[str]:
    width = WIDTH - LEFT - 20
    most = max((y for line in panel.lines.values() for _, y in line), default=0) or 1

    def x_of(x: float) -> float:
        return LEFT + width * (x - low) / ((high - low) or 1)

    def y_of(y: float) -> float:
        return top + PANEL - PANEL * y / most

    parts = [f'<text x="{LEFT}" y="{top - 5}" font-weight="bold">{escape(panel.title)}</text>']
    if span is not None:
        a, b = x_of(span[0]), x_of(span[1])
        parts.append(f'<rect x="{a:.1f}" y="{top}" width="{b - a:.1f}" height="{PANEL}" fill="#eee"/>')
        parts.append(f'<text x="{a + 4:.1f}" y="{top + 14}" fill="#777">{escape(note)}</text>')
    for part in (0, 0.5, 1):
        y = y_of(most * part)
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{most * part:,.0f}</text>')
    for part in range(5):
        x = low + (high - low) * part / 4
        parts.append(f'<text x="{x_of(x):.1f}" y="{top + PANEL + 14}" text-anchor="middle">{x:.0f} s</text>')
    for n, (name, line) in enumerate(panel.lines.items()):
        colour = COLOURS[n % len(COLOURS)]
        points = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in line)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        parts.append(
            f'<text x="{LEFT + width - 4}" y="{top + 14 + 15 * n}" text-anchor="end" fill="{colour}">'
            f"{escape(name)}</text>"
        )
    return parts
