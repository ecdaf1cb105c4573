"""The reader's language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.http.content_negotiation import negotiate_language


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
