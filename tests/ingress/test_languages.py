"""The reader's language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.languages import negotiate


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
def test_the_language_liked_best_is_spoken(header: str, language: str) -> None:
    """Contract: pt-BR by default and English on request (`Accept-Language`)."""
    assert negotiate(header) == language


@given(st.text())
def test_no_header_makes_it_fail(header: str) -> None:
    """A header comes from outside."""
    assert negotiate(header) in ("pt-BR", "en")
