"""The HTTP side is described in full, and as it is."""

import base64
import hashlib
import json
import re
from typing import Any

import jsonschema_rs
import openapi_spec_validator
import pytest

from ingress.app import make_app
from ingress.asking import Asking
from ingress.health import Health
from ingress.openapi import document as openapi
from ingress.openapi import page, wording
from ingress.openapi.headers import HEADERS
from ingress.openapi.operations import OPERATIONS, TAGS
from ingress.openapi.shapes import types_of
from ingress.texts import PROBLEMS, Language
from schemas.settings import Settings
from tests.ingress.conftest import Client
from tests.ingress.fakes import FakeLog, FakeViews, QuietFeeds
from tests.privacy.keyrings import whole_keyring

DOCUMENT = openapi.document("en")
#: Problems of what is no request yet, or of no route.
NO_OPERATIONS = {"method-not-allowed", "malformed-message"}
#: Routes that are no part of the contract for programs.
UNDESCRIBED = {("GET", path) for path in ("/", "/painel/{restaurant_id}", "/web/{version}/{name}", "/sw.js")}
DESCRIBED = {(operation.method, operation.path) for operation in OPERATIONS}
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)


def routes() -> set[tuple[str, str]]:
    app = make_app(
        Settings(), Asking(FakeLog(), 0, 1), FakeViews(), Health({}), whole_keyring(), QuietFeeds()
    )
    found = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource}
    return {(method, path) for method, path in found if method != "HEAD"}


def test_the_document_on_file_is_the_one_in_force() -> None:
    """Run `python -m ingress.openapi` after a change of the HTTP side."""
    assert openapi.FILE.read_text() == openapi.text("en"), "stale: run python -m ingress.openapi"


@pytest.mark.parametrize("language", ["pt-BR", "en"])
def test_the_document_is_valid_openapi_3_1(language: Language) -> None:
    """Contract: `GET /openapi.json` (3.1) describes all of it."""
    openapi_spec_validator.validate(openapi.document(language))


def test_every_route_is_described_and_everything_described_is_a_route() -> None:
    """A route that is added without a description fails here, and the other way round."""
    served = routes()
    assert served - UNDESCRIBED == DESCRIBED
    assert served >= UNDESCRIBED, "a named exception is none any more"


def test_every_problem_belongs_to_an_operation() -> None:
    """What is told in one place only is told wrongly in the other."""
    told = {slug for operation in OPERATIONS for slug in openapi.problems_of(operation)}
    assert set(PROBLEMS) - told == NO_OPERATIONS and told <= set(PROBLEMS)


@every_operation
def test_what_an_operation_names_exists(operation: Any) -> None:
    """A tag, a header or a problem that nobody knows would be a hole in the document."""
    headers = {*operation.headers, *(name for answer in operation.answers for name in answer.headers)}
    assert operation.tag in TAGS and headers <= set(HEADERS)
    assert set(operation.problems) <= set(PROBLEMS)
    assert len({answer.status for answer in operation.answers}) == len(operation.answers)


@every_operation
def test_examples_are_what_the_schemas_say(operation: Any) -> None:
    """An example that is not accepted would be worse than none."""
    described = DOCUMENT["paths"][operation.path][operation.method.lower()]
    contents = [response.get("content", {}) for response in described["responses"].values()]
    contents.append(described.get("requestBody", {}).get("content", {}))
    for content in (one for contents_ in contents for one in contents_.values()):
        validator = jsonschema_rs.validator_for(content["schema"] | {"components": DOCUMENT["components"]})
        examples = [DOCUMENT["components"]["examples"][slug]["value"] for slug in content.get("examples", ())]
        for example in examples or [content["example"]]:
            validator.validate(example)
    assert all(answer.example is not None for answer in operation.answers if types_of(answer.body))


async def test_it_is_served_in_the_language_of_the_reader(client: Client) -> None:
    """Contract: pt-BR by default, English on request."""
    for accept, language in (("", "pt-BR"), ("en", "en")):
        response = await client.get("/openapi.json", headers={"Accept-Language": accept})
        assert response.status == 200 and response.content_type == "application/json"
        assert response.headers["Content-Language"] == language
        assert json.loads(await response.text()) == openapi.document(language)


@pytest.mark.parametrize("language", ["pt-BR", "en"])
async def test_the_page_shows_every_operation_in_under_100_kb(client: Client, language: Language) -> None:
    """Contract: `GET /docs` shows it; nothing comes from outside, and no script runs."""
    response = await client.get("/docs", headers={"Accept-Language": language})
    text = await response.text()
    assert response.status == 200 and response.content_type == "text/html"
    assert f'<html lang="{language}">' in text and len(text.encode()) < 100_000
    ids = set(re.findall(r'id="([^"]+)"', text))
    assert {operation.id for operation in OPERATIONS} <= ids
    assert {link[1:] for link in re.findall(r'href="(#[^"]+)"', text)} <= ids, "a link leads nowhere"
    assert "<script" not in text and not re.findall(r'(?:src|href)="(?:https?:)?//', text)
    policy = response.headers["Content-Security-Policy"]
    style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in style]
    assert re.findall(r"sha256-([^']+)'", policy) == hashes, "the page would have no style"
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy
    assert "style=" not in text


async def test_the_reader_may_choose_the_language_of_the_page(client: Client) -> None:
    """The link beside the title."""
    response = await client.get("/docs?lang=en", headers={"Accept-Language": "pt-BR"})
    assert response.headers["Content-Language"] == "en" and 'href="?lang=pt-BR"' in await response.text()


def test_the_page_escapes_what_it_shows() -> None:
    """Text is text, whatever it holds."""
    assert page.html("en").count("<style>") == 1
    assert page._text("a <b> `<i>`") == "a &lt;b&gt; <code>&lt;i&gt;</code>"


def test_every_word_of_the_page_has_both_languages() -> None:
    """The chrome speaks the reader's language; a few words are the same in both."""
    same = {word for word, text in wording.WORDS.items() if text.pt == text.en}
    assert same == {"token", "status"}
    assert all(text.pt != text.en for text in wording.PARAMETERS.values())
