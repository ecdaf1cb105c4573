"""The reader's language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.http.content_negotiation import MAX_PARAMETERS, MAX_RANGES, negotiate_language, prefers_html


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "pt-BR"),
        ("en", "en"),
        ("en-US,en;q=0.9", "en"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt-BR"),
        ("fr, en;q=0.5", "en"),
        ("fr", "pt-BR"),
        ("*", "pt-BR"),
        ("en;q=0.1, *;q=0.5", "pt-BR"),
        ("en;q=0", "pt-BR"),
        ("pt;q=0.3, en;q=0.7", "en"),
        ("EN", "en"),
        ("en;q=x", "pt-BR"),
        ("pt;q=0, *;q=0.5", "en"),
        ("*;q=0.5, pt;q=0", "en"),
        ("pt-BR;q=0, *", "en"),
        ("pt-BR;q=0, pt", "pt-BR"),
        ("pt-PT;q=0, *", "pt-BR"),
        ("pt-PT, en;q=0.9", "pt-BR"),
        ("en;q=0, *", "pt-BR"),
        ("pt;q=0, en;q=0", "pt-BR"),
        ("en;q=1.5", "pt-BR"),
        ("en;q=1.5, pt;q=0.1", "pt-BR"),
        ("en;q=1.001", "pt-BR"),
        ("en;q=-1", "pt-BR"),
        ("en;q=0.1234", "pt-BR"),
        ("en;q=nan", "pt-BR"),
        ("en;q=inf", "pt-BR"),
        ("en;q=1e0", "pt-BR"),
        ("en;q=", "pt-BR"),
        ("en;q=1.000", "en"),
        ("en ; Q=0.001", "en"),
        ("pt, en", "pt-BR"),
        ("en, pt", "en"),
    ],
)
def test_language_with_greatest_quality(header: str, language: str) -> None:
    """Contract: pt-BR by default and English on request (`Accept-Language`)."""
    assert negotiate_language(header) == language


@given(st.text())
def test_any_header_gives_a_language(header: str) -> None:
    """A header comes from the client."""
    assert negotiate_language(header) in ("pt-BR", "en")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", False),
        ("*/*", False),
        ("text/html", True),
        ("text/html,application/xhtml+xml,*/*;q=0.8", True),
        ("text/html, application/json", False),
        ("text/html;q=0.5, application/*;q=0.4", True),
        ("text/html;q=1.5, application/json;q=0.1", False),
        ("application/json;q=0, text/html;q=0.1, */*;q=0.5", True),
        ("text/html;q=0, */*;q=0.1", False),
    ],
)
def test_page_is_preferred_by_quality(header: str, expected: bool) -> None:
    """The most specific range decides, and a quality that is not valid does not count."""
    assert prefers_html(header) is expected


def test_ranges_and_parameters_past_the_limit_are_not_read() -> None:
    """8 KiB of ranges took 16 ms; what a browser sends is far below the limits."""
    assert negotiate_language(",".join(["x"] * (MAX_RANGES - 1) + ["en"])) == "en"
    assert negotiate_language(",".join(["x"] * MAX_RANGES + ["en"])) == "pt-BR"
    assert negotiate_language("en" + ";a=b" * (MAX_PARAMETERS - 2) + ";q=0, *") == "pt-BR"
    assert negotiate_language("en" + ";a=b" * 1000 + ";q=0") == "en"
