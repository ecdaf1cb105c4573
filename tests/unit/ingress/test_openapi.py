"""The HTTP API is described completely and correctly."""

import base64
import hashlib
import json
import re
from typing import Any

import jsonschema_rs
import openapi_spec_validator
import pytest

from ingress.http.problem_catalogue import PROBLEMS
from ingress.openapi import document as openapi
from ingress.openapi import html_page
from ingress.openapi.component_schemas import types_of
from ingress.openapi.texts import HEADERS, TEXTS
from ingress.routes import ROUTES
from schemas.languages import Language
from tests.unit.ingress.conftest import Client

DOCUMENT = openapi.build(ROUTES, "en")
#: Problems of malformed HTTP, of another version of it, or of a request without a route.
WITHOUT_OPERATION = {"method-not-allowed", "malformed-message", "http-version-not-supported"}
DESCRIBED = [route for route, _ in openapi.described(ROUTES)]
OPERATIONS = [operation for _, operation in openapi.described(ROUTES)]
every_route = pytest.mark.parametrize("route", DESCRIBED, ids=[operation.id for operation in OPERATIONS])


def test_committed_document_is_current() -> None:
    """Run `python -m ingress.openapi` after a change of the HTTP API."""
    assert openapi.FILE.read_text() == openapi.to_text(DOCUMENT), "stale: run python -m ingress.openapi"


@pytest.mark.parametrize("language", ["pt-BR", "en"])
def test_document_is_valid_openapi_3_1(language: Language) -> None:
    """Contract: `GET /openapi.json` (3.1) describes all of it."""
    openapi_spec_validator.validate(openapi.build(ROUTES, language))


def test_only_pages_are_undescribed() -> None:
    """Every other route is part of the API."""
    pages = {"/", "/painel/{restaurant_id}", "/web/{version}/{name}", "/sw.js"}
    assert {route.path for route in ROUTES if route.operation is None} == pages


def test_every_problem_is_documented() -> None:
    """A problem that no operation documents is either dead or a gap in the document."""
    described = {slug for route in DESCRIBED for slug in openapi.problems_of(route, route.operation)}
    assert set(PROBLEMS) - described == WITHOUT_OPERATION and described <= set(PROBLEMS)


def test_every_member_and_header_of_a_problem_is_documented() -> None:
    """A client that is generated from the document would drop the others."""
    members = DOCUMENT["components"]["schemas"]["ProblemDocument"]["properties"]
    for slug, example in DOCUMENT["components"]["examples"].items():
        assert set(example["value"]) <= set(members), slug
    for route in DESCRIBED:
        answers = DOCUMENT["paths"][route.path][route.method.lower()]["responses"]
        assert "401" not in answers or "WWW-Authenticate" in answers["401"]["headers"]


@every_route
def test_operation_that_sends_a_command_names_both_refusals(route: Any) -> None:
    """A process has too many commands, or one client has sent too many of them: 503 or 429."""
    problems = set(openapi.problems_of(route, route.operation))
    assert "overloaded" not in problems or "too-many-requests" in problems


@every_route
def test_operations_name_known_parts(route: Any) -> None:
    """Tags, headers and problems exist, and each status is described once."""
    operation = route.operation
    headers = {*operation.headers, *(name for answer in operation.responses for name in answer.headers)}
    assert operation.tag in TEXTS.tags and headers <= set(HEADERS)
    assert set(operation.problems) <= set(PROBLEMS)
    assert len({answer.status for answer in operation.responses}) == len(operation.responses)


@every_route
def test_examples_match_their_schemas(route: Any) -> None:
    """An invalid example would be worse than none."""
    described = DOCUMENT["paths"][route.path][route.method.lower()]
    contents = [response.get("content", {}) for response in described["responses"].values()]
    contents.append(described.get("requestBody", {}).get("content", {}))
    for content in (one for contents_ in contents for one in contents_.values()):
        validator = jsonschema_rs.validator_for(content["schema"] | {"components": DOCUMENT["components"]})
        examples = [DOCUMENT["components"]["examples"][slug]["value"] for slug in content.get("examples", ())]
        for example in examples or [content["example"]]:
            validator.validate(example)
    assert all(answer.example is not None for answer in route.operation.responses if types_of(answer.body))


async def test_document_follows_accept_language(client: Client) -> None:
    """Contract: pt-BR by default, English on request."""
    for accept, language in (("", "pt-BR"), ("en", "en")):
        response = await client.get("/openapi.json", headers={"Accept-Language": accept})
        assert response.status == 200 and response.content_type == "application/json"
        assert response.headers["Content-Language"] == language
        assert json.loads(await response.text()) == openapi.build(ROUTES, language)


@pytest.mark.parametrize("language", ["pt-BR", "en"])
async def test_page_shows_every_operation(client: Client, language: Language) -> None:
    """Contract: `GET /docs` shows it; under 128 KiB, without scripts or external resources."""
    response = await client.get("/docs", headers={"Accept-Language": language})
    text = await response.text()
    assert response.status == 200 and response.content_type == "text/html"
    assert f'<html lang="{language}">' in text and len(text.encode()) < 128 * 1024
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


async def test_page_language_can_be_chosen(client: Client) -> None:
    """By the link next to the title."""
    response = await client.get("/docs?lang=en", headers={"Accept-Language": "pt-BR"})
    assert response.headers["Content-Language"] == "en" and 'href="?lang=pt-BR"' in await response.text()


def test_page_escapes_texts() -> None:
    """Texts are text, whatever they contain."""
    info = DOCUMENT["info"] | {"description": "a <b> `<i>`"}
    page = html_page.render(DOCUMENT | {"info": info}, "en")
    assert page.count("<style>") == 1 and "<p>a &lt;b&gt; <code>&lt;i&gt;</code></p>" in page


def test_page_texts_have_both_languages() -> None:
    """A few words are the same in both."""
    same = {word for word, text in TEXTS.page.items() if text.pt == text.en}
    assert same == {"token", "status"}
    assert all(text.pt != text.en for text in TEXTS.parameters.values())
