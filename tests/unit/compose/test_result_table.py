"""The addresses that the demo prints."""

import io

import pytest
from rich.console import Console

from compose.demo import promotion, result_table


@pytest.fixture
def printed() -> str:
    """The lines below the table."""
    console = Console(file=io.StringIO(), width=40)
    result_table.show_pages(console, "http://127.0.0.1:8080", "t-o_ken")
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_demo_prints_addresses_and_board_token(printed: str) -> None:
    """Contract: "with the URLs of the pages"; each whole and on a line of its own, to be clicked on."""
    lines = dict(line.rsplit(None, 1) for line in printed.splitlines())
    assert lines["promotions"] == "http://127.0.0.1:8080/"
    assert lines["menu"] == f"http://127.0.0.1:8080/?r={promotion.RESTAURANT}"
    assert lines["board"] == f"http://127.0.0.1:8080/painel/{promotion.RESTAURANT}"
    assert lines["token of the board"] == "t-o_ken"
    assert "t-o_ken" not in lines["board"], "a token has no place in an address"
