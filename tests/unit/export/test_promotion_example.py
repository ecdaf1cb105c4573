"""`python -m egress.examples.promotion`: the whole table, or the reason why there is none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from egress.command_error import CommandError
from egress.examples import promotion
from egress.export.exporter import Exporter
from egress.export.parquet_folder import ParquetFolder
from tests.support.egress.stories import RESTAURANT, Story
from tests.unit.export.test_exporter import records

COLUMNS = (
    "sku",
    "portions_offered",
    "portions_sold",
    "portions_cancelled",
    "orders",
    "orders_refused",
    "centavos",
    "ms_until_last_sale",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An export with one promotion of one item."""
    story = Story()
    story.put_restaurant()
    story.put_item()
    story.put_promotion()
    story.order(True)
    parquet_folder = ParquetFolder(tmp_path / "facts")
    with parquet_folder.locked():
        exporter = Exporter(parquet_folder)
        exporter.add(records(story.facts))
        exporter.flush()
    return parquet_folder.path


def run(*arguments: object, columns: int = 40) -> subprocess.CompletedProcess[str]:
    """Run the command with its output in a pipe, for a terminal of this width."""
    return subprocess.run(
        [sys.executable, "-m", "egress.examples.promotion", *map(str, arguments)],
        env={**os.environ, "COLUMNS": str(columns)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_table_has_all_columns_in_a_narrow_terminal(folder: Path) -> None:
    """No column is hidden, in a pipe or for a terminal that is too narrow."""
    done = run("--parquet", folder, RESTAURANT, "p1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "…" not in done.stdout and "coxinha" in done.stdout
    for column in COLUMNS:
        assert column in done.stdout


def test_missing_folder_fails_with_the_command_that_creates_it(tmp_path: Path) -> None:
    """The reason is on standard error."""
    done = run("--parquet", tmp_path / "none", RESTAURANT, "p1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("promotion: no folder ") and "promo export --into" in done.stderr


def test_folder_without_facts_has_no_result(tmp_path: Path) -> None:
    """An empty folder is not an empty result."""
    with pytest.raises(CommandError, match="no exported facts"):
        promotion.summarize(tmp_path, RESTAURANT, "p1")


def test_unknown_names_fail_with_the_known_ones(folder: Path) -> None:
    """A typing error is visible at once."""
    with pytest.raises(CommandError, match=r"no restaurant 'r9' in the facts; known: r1$"):
        promotion.summarize(folder, "r9", "p1")
    with pytest.raises(CommandError, match=r"'r1' has no promotion 'p9'; known: p1$"):
        promotion.summarize(folder, RESTAURANT, "p9")


def test_unreachable_broker_fails_with_a_message() -> None:
    """One line and no traceback."""
    done = run("--kafka", "127.0.0.1:1", RESTAURANT, "p1")
    assert (done.returncode, done.stdout) == (1, "")
    (reason,) = done.stderr.splitlines()
    assert reason.startswith("promotion: ")
