"""The ledger of the simulation and the campaign: every run appends what it did to LEDGER.md, and README tells the sum."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

LEDGER = Path(__file__).with_name("LEDGER.md")
ROOT = Path(__file__).parents[1]


class LedgerRow(Struct, frozen=True):
    """One run; `seeds` of the simulation, `minutes` of the campaign."""

    what: str
    seeds: int
    minutes: int
    faults: int
    commands: int
    violations: int

    def __add__(self, other: "LedgerRow") -> "LedgerRow":
        return LedgerRow(
            "all",
            self.seeds + other.seeds,
            self.minutes + other.minutes,
            self.faults + other.faults,
            self.commands + other.commands,
            self.violations + other.violations,
        )


def append(row: LedgerRow, ledger: Path = LEDGER) -> None:
    """Append a run, with today's date and the commit; a person adds to its row what it found."""
    date, commit = datetime.now(UTC).strftime("%Y-%m-%d"), _commit()
    cells = (
        date,
        commit,
        row.what,
        row.seeds,
        row.minutes,
        row.faults,
        row.commands,
        row.violations,
        "",
    )
    with ledger.open("a") as opened:
        opened.write(f"| {' | '.join(map(str, cells))} |\n")


def total(text: str) -> LedgerRow:
    """Return the sum of all rows of a ledger."""
    result = LedgerRow("all", 0, 0, 0, 0, 0)
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 9 and cells[3].isdecimal():
            result += LedgerRow(cells[2], *map(int, cells[3:8]))
    return result


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short=7", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"
