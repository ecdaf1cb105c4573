"""The words that were left out stay out of the product and its tests (CONTRIBUTING.md, Rules)."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.style.sources import PRODUCT, ROOT, identifier_words, product_modules, prose, tracked

FOLDERS = (*PRODUCT, "tests")

#: Words that no identifier holds, and the field's word for each.
IDENTIFIERS = {
    "asker": "reply_to, borrower, caller",
    "asking": "a noun: client, borrowing",
    "clerk": "executor",
    "courier": "delivery worker",
    "desk": "unit of work",
    "graves": "dead letters",
    "hear": "record, observe",
    "heard": "received, observed",
    "horizon": "watermark",
    "lane": "bulkhead",
    "lanes": "bulkheads",
    "least": "min",
    "most": "max",
    "outbox": "send queue, output buffer",
    "patience": "timeout",
    "shelf": "dead letter store",
    "tell": "publish, send, log",
    "teller": "notification builder",
    "told": "published, sent, known",
    "undecided": "in flight, pending",
    "verdict": "outcome, result",
}
#: Phrases that no comment, docstring or message holds.
PHRASES = {
    r"\banew\b": "again",
    r"\bat hand\b": "cached",
    r"\bfor ever\b": "indefinitely",
    r"\b(?:let|lets|letting) go\b": "close",
    r"\bmeanwhile\b": "in the meantime",
    r"\b(?:nobody|somebody|whoever)\b": "name the actor",
    r"\b(?:sends?|sent|turns?|turned) away\b": "reject",
    r"\btold to come back\b": "503 with Retry-After",
    r"\bunder way\b": "in flight",
    r"\b[Ss]ay whether\b": "Return True if",
    r"^(?:Take|Hear) ": "a verb of the field",
}


MAX_TEST_NAME = 70


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_identifier_holds_a_word_that_was_left_out(folder: str) -> None:
    """A reader meets one word for one thing, and it is the field's."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {identifier}: say {IDENTIFIERS[word]}"
        for path in _modules(folder)
        for line, identifier, word in identifier_words(path)
        if word in IDENTIFIERS
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_text_holds_a_phrase_that_was_left_out(folder: str) -> None:
    """Comments, docstrings and messages name the actor and use the exact verb."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {match.group()!r}: say {better}"
        for path in _modules(folder)
        for line, text in prose(path)
        for pattern, better in PHRASES.items()
        if (match := re.search(pattern, text))
    ]
    assert not found, "\n".join(found)


def test_names_of_tests_are_short() -> None:
    """A name says the rule; its docstring has the rest."""
    names = {
        name for path in tracked("tests/*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert [name for name in sorted(names) if len(name) > MAX_TEST_NAME] == []


def test_a_type_name_means_one_thing() -> None:
    """No class and no type alias is defined in two modules of the product."""
    modules = defaultdict(set)
    for path in product_modules():
        for name in _type_names(ast.parse(path.read_text())):
            modules[name].add(str(path.relative_to(ROOT)))
    assert {name: sorted(where) for name, where in modules.items() if len(where) > 1} == {}


def test_an_instant_has_a_type() -> None:
    """A parameter `now` has a type of schemas/timestamps.py: the clocks and units of two numbers cannot be confused."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: now: {annotation}"
        for path in product_modules()
        for line, annotation in _instants(ast.parse(path.read_text()))
        if annotation in ("int", "float")
    ]
    assert not found, "\n".join(found)


def test_a_bare_instant_is_found() -> None:
    """The check above can fail."""
    assert list(_instants(ast.parse("def f(self, now: float) -> None: ..."))) == [(1, "float")]


def _instants(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the annotation of each parameter `now`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.arg == "now" and node.annotation is not None:
            yield node.lineno, ast.unparse(node.annotation)


def _type_names(tree: ast.Module) -> Iterator[str]:
    """Yield the classes of a module at any depth, and its type aliases."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]) if re.fullmatch(r"_?[A-Z]\w*[a-z]\w*", name):
                yield name


def _modules(folder: str) -> list[Path]:
    """Return the modules of a folder without this one, which lists the words."""
    return [path for path in tracked(f"{folder}/*.py") if path != Path(__file__)]
