"""The mean time of each stage of a confirmation, from the histograms before and after a run."""

import re
import urllib.request

from tests.support import report

#: Name, metric, labels.
STAGES = [
    ("ingress: validate, seal, encode", "promo_order_stage_seconds", 'stage="validate"'),
    ("publish the command, acks=all", "promo_order_stage_seconds", 'stage="publish"'),
    ("queue until a micro-batch takes it", "promo_transaction_phase_seconds", 'phase="queue"'),
    ("decide", "promo_transaction_phase_seconds", 'phase="decide"'),
    ("begin, write facts, reply, changelog", "promo_transaction_phase_seconds", 'phase="produce"'),
    ("commit", "promo_transaction_phase_seconds", 'phase="commit"'),
    ("from publishing the command to its reply", "promo_order_stage_seconds", 'stage="decide"'),
]


def scrape(url: str) -> dict[tuple[str, str], tuple[float, float]]:
    """Return sum and count of each stage's histogram, of all processes together."""
    with urllib.request.urlopen(url, timeout=5) as response:
        text = response.read().decode()

    def value(metric: str, part: str, labels: str) -> float:
        match = re.search(rf"^{metric}_{part}{{{labels}}} (\S+)$", text, re.M)
        return float(match.group(1)) if match else 0.0

    return {
        (metric, labels): (value(metric, "sum", labels), value(metric, "count", labels))
        for _, metric, labels in STAGES
    }


def table(
    before: dict[tuple[str, str], tuple[float, float]], after: dict[tuple[str, str], tuple[float, float]]
) -> str:
    """Return the means between two scrapes as a Markdown table."""
    rows = []
    for name, metric, labels in STAGES:
        total = after[(metric, labels)][0] - before[(metric, labels)][0]
        count = after[(metric, labels)][1] - before[(metric, labels)][1]
        rows.append((name, f"{1000 * total / count:.1f}" if count else "-"))
    return report.table(("stage", "mean ms"), rows)
