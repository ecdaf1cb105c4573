"""README is for the user: short, and in short sentences (CONTRIBUTING.md, Rules)."""

import re

from tests.style.sources import ROOT

README = (ROOT / "README.md").read_text()
MAX_LINES = 200
MAX_MEAN_WORDS = 16


def sentences(text: str) -> list[str]:
    """Return the sentences of a document, without code, tables, headings and pictures."""
    text = re.sub(r"```.*?```", "", text, flags=re.S)
    text = re.sub(r"^\|.*$|^#.*$|!\[[^\]]*\]\([^)]*\)", "", text, flags=re.M)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    paragraphs = re.split(r"\n\s*\n|\n(?=[-*\d] )", text)
    flat = [" ".join(paragraph.split()) for paragraph in paragraphs]
    return [s for paragraph in flat for s in re.split(r"(?<=[.!?:])\s+", paragraph) if re.search(r"\w", s)]


def test_readme_fits_on_a_few_screens() -> None:
    """Everything else has a page of its own."""
    assert len(README.splitlines()) <= MAX_LINES


def test_readme_speaks_in_short_sentences() -> None:
    """A sentence has one actor, one verb, one condition."""
    words = [len(sentence.split()) for sentence in sentences(README)]
    assert sum(words) / len(words) <= MAX_MEAN_WORDS
