"""Where the time of a confirmation goes: the means of histograms, before and after a run."""

import re
import urllib.request

#: Hop, as a reader understands it; metric; its labels.
HOPS = [
    ("ingress: read, check, encode", "promo_order_stage_seconds", 'stage="validate"'),
    ("command written, acks=all", "promo_order_stage_seconds", 'stage="publish"'),
    ("until a micro-batch takes it", "promo_transaction_phase_seconds", 'phase="queue"'),
    ("decide", "promo_transaction_phase_seconds", 'phase="decide"'),
    ("begin, write facts, reply, changelog", "promo_transaction_phase_seconds", 'phase="produce"'),
    ("commit", "promo_transaction_phase_seconds", 'phase="commit"'),
    ("from writing the command to its reply", "promo_order_stage_seconds", 'stage="decide"'),
]


def scrape(url: str) -> dict[tuple[str, str], tuple[float, float]]:
    """Return sum and count of each hop's histogram, of all processes together."""
    with urllib.request.urlopen(url, timeout=5) as answer:
        text = answer.read().decode()

    def value(metric: str, part: str, labels: str) -> float:
        match = re.search(rf"^{metric}_{part}{{{labels}}} (\S+)$", text, re.M)
        return float(match.group(1)) if match else 0.0

    return {
        (metric, labels): (value(metric, "sum", labels), value(metric, "count", labels))
        for _, metric, labels in HOPS
    }


def table(
    before: dict[tuple[str, str], tuple[float, float]], after: dict[tuple[str, str], tuple[float, float]]
) -> str:
    """Return the means between two scrapes as a Markdown table."""
    lines = ["| hop | mean ms |", "|---|---|"]
    for name, metric, labels in HOPS:
        total = after[(metric, labels)][0] - before[(metric, labels)][0]
        count = after[(metric, labels)][1] - before[(metric, labels)][1]
        lines.append(f"| {name} | {1000 * total / count:.1f} |" if count else f"| {name} | - |")
    return "\n".join(lines)
