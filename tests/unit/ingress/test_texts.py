"""The JSON files of texts: complete in both languages, without a text that is not used."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec.structs import replace

import egress
import ingress
from egress.notifications.push import payload
from ingress.http.problem_catalogue import FIELD_ERRORS, TOKEN_ERRORS
from ingress.openapi import document, html_page
from ingress.openapi.route import Token
from ingress.openapi.texts import EXAMPLES, HEADERS, TEXTS
from ingress.routes import ROUTES
from schemas import contacts, endpoint_urls, texts, timestamps
from schemas.languages import Text
from schemas.orders import Status

INGRESS, EGRESS = Path(ingress.__path__[0]), Path(egress.__path__[0])
FILES = [
    INGRESS / "http/problems.json",
    INGRESS / "http/field_errors.json",
    INGRESS / "http/token_errors.json",
    INGRESS / "handlers/status_labels.json",
    INGRESS / "openapi/texts.json",
    INGRESS / "openapi/headers.json",
    EGRESS / "notifications/push/texts.json",
]
RULES = [Path(str(module.__file__)) for module in (contacts, endpoint_urls, texts, timestamps)]
SOURCES = [path.read_text() for path in (*INGRESS.rglob("*.py"), *RULES)]
OPERATIONS = [operation for _, operation in document.described(ROUTES)]


def texts_in(value: Any) -> Iterator[tuple[str, str]]:
    """Yield each text in both languages."""
    if isinstance(value, dict):
        if "pt-BR" in value:
            yield value["pt-BR"], value["en"]
        for member in value.values():
            yield from texts_in(member)


def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; of two members with one name, a decoder would keep the last."""
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), f"a name is repeated: {names}"
    return dict(pairs)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_texts_have_both_languages_and_equal_placeholders(file: Path) -> None:
    """A placeholder that one language lacks would lose what it stands for."""
    found = list(texts_in(json.loads(file.read_text(), object_pairs_hook=build)))
    assert len(found) > 5
    for pt, en in found:
        assert pt and en and set(re.findall(r"\{\w+\}", pt)) == set(re.findall(r"\{\w+\}", en))


def test_every_field_error_is_used() -> None:
    """Unused texts are not kept correct."""
    assert [code for code in FIELD_ERRORS if not any(f'"{code}"' in source for source in SOURCES)] == []


def test_every_token_error_is_used() -> None:
    """The same for what can be wrong with a token."""
    assert [reason for reason in TOKEN_ERRORS if not any(f'"{reason}"' in source for source in SOURCES)] == []


def test_every_example_is_used() -> None:
    """The same for examples."""
    assert [name for name in EXAMPLES if not any(f'EXAMPLES["{name}"]' in s for s in SOURCES)] == []


def test_description_has_the_texts_of_its_operations_and_no_others() -> None:
    """A text without an operation is of one that was removed."""
    assert set(TEXTS.operations) == {operation.same_as or operation.id for operation in OPERATIONS}
    assert set(TEXTS.tags) == {operation.tag for operation in OPERATIONS}
    assert set(TEXTS.tokens) == set(get_args(Token))
    answers = [answer for operation in OPERATIONS for answer in operation.responses]
    assert set(TEXTS.responses) == {answer.meaning for answer in answers}
    # of every operation, or of problems
    by_rule = {"Accept-Language", "Content-Language", "Retry-After", "WWW-Authenticate"}
    sent = {name for operation in OPERATIONS for name in operation.headers}
    assert set(HEADERS) == by_rule | sent | {name for answer in answers for name in answer.headers}


class Recorder(dict[str, Text]):
    """Texts that record which of them are read."""

    def __init__(self, texts: dict[str, Text]) -> None:
        super().__init__(texts)
        self.used: set[str] = set()

    def __getitem__(self, key: str) -> Text:
        self.used.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.used.add(key)
        return super().get(key, default)


def test_page_uses_every_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both its labels and the meanings of parameters."""
    page, parameters = Recorder(TEXTS.page), Recorder(TEXTS.parameters)
    monkeypatch.setattr(html_page, "TEXTS", replace(TEXTS, page=page, parameters=parameters))
    html_page.render(document.build(ROUTES, "en"), "en")
    assert page.used == set(page) and parameters.used == set(parameters)


def test_pushes_have_a_text_for_every_status() -> None:
    """A browser subscribes to an order that is decided, or will be."""
    assert set(payload.TEXTS) == {*get_args(Status), "refunded", "title"} - {"pending"}
