"""The table of the pages' texts, and the modules that use it."""

import json
import re
from pathlib import Path

import pytest

from ingress import site, web

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
SERVED = {"customer.title", "board.title", "brand"}


@pytest.mark.parametrize("key", TABLE)
def test_every_text_is_there_in_both_languages_with_the_same_places(key: str) -> None:
    """A place that one language lacks would be shown as it is written."""
    pt, en = TABLE[key]
    assert pt and en and set(re.findall(r"\{\w+\}", pt)) == set(re.findall(r"\{\w+\}", en))


def test_every_text_is_used() -> None:
    """A text that nothing shows is a text that nobody keeps true."""
    unused = [k for k in TABLE if k not in WRITTEN | SERVED and not any(m.fullmatch(k) for m in MADE)]
    assert not unused


def test_every_text_that_is_used_is_there() -> None:
    """`t` of an unknown key would break the page."""
    asked = {key for text in SOURCES.values() for key in re.findall(r"\b(?:t|blank)\(\s*'([\w.-]+)'", text)}
    assert len(asked) > 60 and asked <= set(TABLE)
    assert len(MADE) > 8 and all(any(made.fullmatch(key) for key in TABLE) for made in MADE)


def test_no_module_says_anything_by_itself() -> None:
    """Words in a module would be there in one language: letters with accents stand in the table only."""
    said = {
        name: re.findall(r"[^\x00-\x7f]+", re.sub(r"//.*|/\*.*?\*/", "", text))
        for name, text in SOURCES.items()
    }
    allowed = {"−", "‹", "·", "×", "—", "ê", "â"}  # signs; and the name of the product
    assert not {name: set(found) - allowed for name, found in said.items() if set(found) - allowed}


def test_the_service_worker_is_no_module() -> None:
    """It is registered as a classic script, which may not import."""
    assert "import " not in site.load().files["sw.js"].body.decode()
