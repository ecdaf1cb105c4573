"""Where the demo says to look."""

import io

import pytest
from rich.console import Console

from compose.demo import promotion, report


@pytest.fixture
def printed() -> str:
    """What is printed beside the table."""
    console = Console(file=io.StringIO(), width=40)
    report.show_pages(console, "http://127.0.0.1:8080", "t-o_ken")
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_the_demo_prints_the_urls_of_the_pages_and_the_token_of_the_board(printed: str) -> None:
    """Contract: "with the URLs of the pages"; each whole and on a line of its own, to be clicked on."""
    said = dict(line.rsplit(None, 1) for line in printed.splitlines())
    assert said["promotions"] == "http://127.0.0.1:8080/"
    assert said["menu"] == f"http://127.0.0.1:8080/?r={promotion.RESTAURANT}"
    assert said["board"] == f"http://127.0.0.1:8080/painel/{promotion.RESTAURANT}"
    assert said["token of the board"] == "t-o_ken"
    assert "t-o_ken" not in said["board"], "a token has no place in an address"
