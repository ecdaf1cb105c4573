"""The catalogue of texts."""

import ast
import re
from pathlib import Path

import pytest

import ingress
from ingress import answers, body_faults
from ingress.problems import Fault, Problem, document
from ingress.texts import FAULTS, PROBLEMS

SOURCES = [path.read_text() for path in Path(ingress.__path__[0]).glob("*.py") if path.name != "texts.py"]


@pytest.mark.parametrize("slug", PROBLEMS)
def test_every_problem_speaks_both_languages(slug: str) -> None:
    """Contract: a `title` and a `detail` in the reader's language; so neither is missing, and they differ."""
    text = PROBLEMS[slug]
    for part in (text.title, text.detail):
        assert part.pt and part.en and part.pt != part.en
    assert document(Problem(slug), "pt-BR") != document(Problem(slug), "en")


@pytest.mark.parametrize("code", FAULTS)
def test_every_fault_speaks_both_languages(code: str) -> None:
    """What is wrong with a field is told like everything else that a person reads."""
    described = [Fault("/x", code, 3).describe(language)["detail"] for language in ("pt-BR", "en")]
    assert described[0] != described[1] and "{" not in "".join(described)


def test_every_slug_in_the_code_is_in_the_catalogue() -> None:
    """A problem without a text would be a 500 in place of the answer that was meant."""
    used = {slug for source in SOURCES for slug in re.findall(r'Problem\(\s*"([a-z-]+)"', source)}
    assert len(used) > 5 and used | set(answers.REFUSALS.values()) <= set(PROBLEMS)


def test_every_fault_in_the_code_is_in_the_catalogue() -> None:
    """A fault without a text would be a 500 in place of the 400 that was meant."""
    calls = [
        node
        for source in SOURCES
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Fault"
    ]
    codes = {call.args[1].value for call in calls if isinstance(call.args[1], ast.Constant)}
    assert len(codes) > 5 and codes <= set(FAULTS)
    assert set(FAULTS) >= body_faults.LIMITS


@pytest.mark.parametrize("slug", PROBLEMS)
def test_the_type_ends_in_the_slug(slug: str) -> None:
    """Contract: a stable `type` ending in the slug."""
    assert f'"type":"/problems/{slug}"'.encode() in document(Problem(slug), "en")
