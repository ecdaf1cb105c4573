"""The texts of the web pages, and the modules that use them."""

import json
import re
from pathlib import Path

import pytest

from ingress import web
from ingress.web import assets

FOLDER = Path(web.__path__[0])
TABLE: dict[str, list[str]] = json.loads((FOLDER / "texts.json").read_text())
SOURCES = {path.name: path.read_text() for path in FOLDER.iterdir() if path.suffix in (".js", ".html")}
#: Keys as they are written out: in quotes, or for a page's own place.
WRITTEN = {
    found
    for text in SOURCES.values()
    for found in re.findall(r"""['"]([a-z][\w.-]*)['"]|\{\{text ([\w.]+)\}\}""", text)
    for found in found
    if found
}
#: Keys that are put together: `track.${status}` is any key of that form.
MADE = [
    re.compile(re.sub(r"\\\$\\\{.*?\\\}", r"[\\w.-]+", re.escape(template)))
    for text in SOURCES.values()
    for template in re.findall(r"\b(?:t|has)\(\s*`([^`]*)`", text)
]
SERVED = {"customer.title", "board.title", "missing.title", "brand"}


@pytest.mark.parametrize("key", TABLE)
def test_texts_have_both_languages_and_equal_placeholders(key: str) -> None:
    """A placeholder that one language lacks would be shown as it is written."""
    pt, en = TABLE[key]
    assert pt and en and set(re.findall(r"\{\w+\}", pt)) == set(re.findall(r"\{\w+\}", en))


def test_every_text_is_used() -> None:
    """Unused texts are not kept correct."""
    unused = [k for k in TABLE if k not in WRITTEN | SERVED and not any(m.fullmatch(k) for m in MADE)]
    assert not unused


def test_every_used_text_exists() -> None:
    """`t` of an unknown key would break the page."""
    used = {key for text in SOURCES.values() for key in re.findall(r"\b(?:t|blank)\(\s*'([\w.-]+)'", text)}
    assert len(used) > 60 and used <= set(TABLE)
    assert len(MADE) > 8 and all(any(made.fullmatch(key) for key in TABLE) for made in MADE)


def test_modules_contain_no_texts() -> None:
    """A text in a module would be in one language: only `texts.json` has letters with accents."""
    letters = {
        name: re.findall(r"[^\x00-\x7f]+", re.sub(r"//.*|/\*.*?\*/", "", text))
        for name, text in SOURCES.items()
    }
    allowed = {"−", "‹", "·", "×", "—", "ê", "â"}  # signs; and the name of the product
    assert not {name: set(found) - allowed for name, found in letters.items() if set(found) - allowed}


def test_service_worker_imports_nothing() -> None:
    """It is registered as a classic script, which may not import."""
    assert "import " not in assets.load().files["sw.js"].body.decode()
