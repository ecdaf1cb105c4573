"""The ledger adds up, and README claims no more than it holds."""

import re
from pathlib import Path

from tests import ledger
from tests.ledger import LedgerRow

README = ledger.ROOT / "README.md"


def test_runs_are_appended_and_summed(tmp_path: Path):
    """Other lines of the file count for nothing."""
    path = tmp_path / "LEDGER.md"
    path.write_text("# Ledger\n\n| date | commit | what | seeds |\n|---|---|---|---|\n")
    ledger.append(LedgerRow("simulation", 100, 0, 1_400, 50_000, 0), path)
    ledger.append(LedgerRow("campaign, seed 7", 0, 20, 116, 90_000, 2), path)
    assert ledger.total(path.read_text()) == LedgerRow("all", 100, 20, 1_516, 140_000, 2)


def test_readme_claims_no_more_than_the_ledger_holds():
    """Its figures may be older, never larger."""
    claimed = re.search(
        r"ledger\]\(tests/LEDGER\.md\): ([\d,]+) seeds and ([\d,]+) minutes", README.read_text()
    )
    assert claimed
    seeds, minutes = (int(number.replace(",", "")) for number in claimed.groups())
    held = ledger.total(ledger.LEDGER.read_text())
    assert (seeds <= held.seeds, minutes <= held.minutes) == (True, True)
