"""The tree as the style checks see it: tracked files, and the words of a Python file."""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("schemas", "tables", "streams", "ingress", "egress", "compose")

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")


@cache
def tracked(*patterns: str) -> tuple[Path, ...]:
    """Return the files of the repository that match, tracked or new, without ignored ones."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(path for line in listed.splitlines() if (path := ROOT / line).is_file())


def product_modules() -> tuple[Path, ...]:
    """Return the Python files of the product."""
    return tracked(*(f"{folder}/*.py" for folder in PRODUCT))


def identifier_words(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield line, identifier and each of its words in lower case."""
    for token in _tokens(path):
        if token.type == tokenize.NAME:
            for word in _WORD.findall(token.string):
                yield token.start[0], token.string, word.lower()


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of each comment, docstring and message (a string with a blank in it)."""
    for token in _tokens(path):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value


def _tokens(path: Path) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
