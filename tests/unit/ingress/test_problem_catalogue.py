"""The catalogue of problems and field errors."""

import ast
import re
from pathlib import Path

import pytest

import ingress
from ingress.handlers import responses
from ingress.http import schema_errors
from ingress.http.problem_catalogue import FIELD_ERRORS, PROBLEMS
from ingress.http.problems import FieldError, Problem, encode

SOURCES = [path.read_text() for path in Path(ingress.__path__[0]).rglob("*.py")]


@pytest.mark.parametrize("slug", PROBLEMS)
def test_problems_have_both_languages(slug: str) -> None:
    """Contract: a `title` and a `detail` in the reader's language; neither is missing, and they differ."""
    text = PROBLEMS[slug]
    for part in (text.title, text.detail):
        assert part.pt and part.en and part.pt != part.en
    assert encode(Problem(slug), "pt-BR") != encode(Problem(slug), "en")


@pytest.mark.parametrize("code", FIELD_ERRORS)
def test_field_errors_have_both_languages(code: str) -> None:
    """As every text that a person reads."""
    described = [FieldError("/x", code, 3).describe(language)["detail"] for language in ("pt-BR", "en")]
    assert described[0] != described[1] and "{" not in "".join(described)


def test_every_used_slug_exists() -> None:
    """A problem without a text would be answered 500."""
    used = {slug for source in SOURCES for slug in re.findall(r'Problem\(\s*"([a-z-]+)"', source)}
    assert len(used) > 5 and used | set(responses.PROBLEM_SLUGS.values()) <= set(PROBLEMS)


def test_every_used_code_exists() -> None:
    """A field error without a text would be answered 500 in place of 400."""
    calls = [
        node
        for source in SOURCES
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "FieldError"
    ]
    codes = {call.args[1].value for call in calls if isinstance(call.args[1], ast.Constant)}
    assert len(codes) > 5 and codes <= set(FIELD_ERRORS)
    assert set(FIELD_ERRORS) >= schema_errors.LIMIT_KEYWORDS


@pytest.mark.parametrize("slug", PROBLEMS)
def test_type_ends_in_the_slug(slug: str) -> None:
    """Contract: a stable `type` ending in the slug."""
    assert f'"type":"/problems/{slug}"'.encode() in encode(Problem(slug), "en")
