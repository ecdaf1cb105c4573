"""What code and documents refer to exists: files, decisions, headings, settings, metrics, make targets."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest

from schemas import metrics
from schemas.settings import Settings
from tests.style.sources import ROOT, prose, tracked

DOCUMENTS = tracked("*.md")
#: The texts that this module plants are no references.
MODULES = tuple(path for path in tracked("*.py") if path != Path(__file__))
CONFIGURATION = (*DOCUMENTS, *tracked("compose/*.y*ml", "compose/*.conf"))

#: Names that begin like a setting and are none of the product's.
OTHER_VARIABLES = re.compile(r"PROMO_(TEST_\w+|BENCH|REPO|BASE|IMAGE|URL|PRICE)")
_PATH = re.compile(
    r"(?<![\w/.$-])((?:schemas|tables|streams|ingress|egress|compose|tests)/[\w./-]*\w\.(?:py|md|lua|sql|yml|json|conf|svg|png))"
)
_FOLDER = re.compile(r"`((?:schemas|tables|streams|ingress|egress|compose|tests)(?:/\w+)+)/?`")
#: A test module or function that is named without its folder.
_TEST = re.compile(r"(?<![\w/.-])test_[a-z]\w*(?:\.py)?(?!\w)")
_MODULE = re.compile(r"python -m ((?:schemas|tables|streams|ingress|egress|compose|tests)[\w.]*)")
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([\w-]+))?\)")
_DECISION = re.compile(r"DECISIONS\.md[,:]\s+([a-z][a-z-]+)")
_NUMBERED_DECISION = re.compile(r"\b[Dd]ecision \d+")
_TARGET = re.compile(r"\bmake ([a-z][a-z-]+)\b")
_SETTING = re.compile(r"\bPROMO_[A-Z][A-Z_]+\b")
#: `promo_price` is a field of an item.
_METRIC = re.compile(r"\bpromo_(?!price\b)[a-z_]+\b")


@cache
def texts(path: Path) -> tuple[str, ...]:
    """Return the prose of a file: all of a document, comments and strings of a module."""
    return tuple(text for _, text in prose(path)) if path.suffix == ".py" else (path.read_text(),)


def named(path: Path, pattern: re.Pattern[str]) -> set[str]:
    return {match.group(match.lastindex or 0) for text in texts(path) for match in pattern.finditer(text)}


def dangling(paths: Iterable[Path], pattern: re.Pattern[str], exists: Callable[[str], bool]) -> list[str]:
    """Return `file: name` for each name that a file uses and that does not exist; a changelog tells of the past."""
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for path in paths
        if path.name != "CHANGELOG.md"
        for name in sorted(named(path, pattern))
        if not exists(name)
    ]


def test_links_lead_somewhere() -> None:
    """A relative link names a file, and its fragment a heading of that file."""
    broken = []
    for path in DOCUMENTS:
        for target, fragment in _LINK.findall(path.read_text()):
            there = path.parent / target if target else path
            if not there.exists() or (fragment and fragment not in headings(there)):
                broken.append(f"{path.relative_to(ROOT)}: {target}#{fragment}")
    assert broken == []


def test_named_files_exist() -> None:
    assert dangling([*DOCUMENTS, *MODULES], _PATH, lambda name: (ROOT / name).exists()) == []


def test_named_folders_exist() -> None:
    """A folder in a code span; a name without its ending is that of a module."""

    def exists(name: str) -> bool:
        return (ROOT / name).exists() or (ROOT / f"{name}.py").exists()

    assert dangling([*DOCUMENTS, *MODULES], _FOLDER, exists) == []


@pytest.mark.parametrize(
    ("pattern", "text", "name"),
    [
        (_PATH, "see ingress/nowhere.py", "ingress/nowhere.py"),
        (_FOLDER, "`tests/nowhere` compares", "tests/nowhere"),
        (_MODULE, "python -m ingress.nowhere", "ingress.nowhere"),
        (_DECISION, "DECISIONS.md,\n  no-such-slug", "no-such-slug"),
        (_DECISION, "DECISIONS.md: no-such-slug", "no-such-slug"),
        (_NUMBERED_DECISION, "for staleness (decision 8)", "decision 8"),
        (_SETTING, "`PROMO_NO_SUCH` is", "PROMO_NO_SUCH"),
        (_METRIC, "`promo_no_such_total` counts", "promo_no_such_total"),
        (_TARGET, "`make nothing`", "nothing"),
    ],
)
def test_each_kind_of_reference_is_recognised(pattern: re.Pattern[str], text: str, name: str) -> None:
    """A pattern that matches nothing would find nothing dangling."""
    assert [match.group(match.lastindex or 0) for match in pattern.finditer(text)] == [name]


def test_named_tests_exist() -> None:
    """Also where the folder is left out, as in the table of SECURITY.md."""
    assert dangling([*DOCUMENTS, *MODULES], _TEST, names_of_tests().__contains__) == []


@pytest.mark.parametrize("sentence", ["see `{}`", "({})", "as {} shows", "all of it: {}."])
@pytest.mark.parametrize("gone", ["test_gone.py", "test_gone"])
@pytest.mark.parametrize("suffix", [".md", ".py"])
def test_planted_name_of_a_test_is_found(suffix: str, gone: str, sentence: str, tmp_path: Path) -> None:
    """A document or a docstring that names a test which does not exist, beside one that does."""
    page = tmp_path / f"page{suffix}"
    page.write_text(f'"""{sentence.format(gone)} Not test_references.py, nor test_named_tests_exist."""')
    assert named(page, _TEST) - names_of_tests() == {gone}


def test_named_modules_run() -> None:
    """`python -m` names a module or a package with a `__main__`."""
    assert dangling([*DOCUMENTS, *MODULES], _MODULE, is_runnable) == []


def test_cited_decisions_exist() -> None:
    assert dangling([*DOCUMENTS, *MODULES], _DECISION, headings(ROOT / "DECISIONS.md").__contains__) == []


def test_decisions_are_cited_by_heading() -> None:
    """Numbers change when a decision is inserted."""
    assert dangling([*DOCUMENTS, *MODULES], _NUMBERED_DECISION, lambda _: False) == []


def test_named_settings_exist() -> None:
    known = {f"PROMO_{name.upper()}" for name in Settings.__struct_fields__}
    assert (
        dangling(CONFIGURATION, _SETTING, lambda name: name in known or bool(OTHER_VARIABLES.fullmatch(name)))
        == []
    )


def test_named_metrics_exist() -> None:
    assert dangling(CONFIGURATION, _METRIC, metric_names().__contains__) == []


def test_named_make_targets_exist() -> None:
    """Only in code spans: prose may say "make sure"."""
    spans = {path: " ".join(re.findall(r"```.*?```|`[^`]*`", path.read_text(), re.S)) for path in DOCUMENTS}
    used = {(path.name, target) for path, code in spans.items() for target in _TARGET.findall(code)}
    assert {
        (name, target) for name, target in used if target not in targets() and name != "CHANGELOG.md"
    } == set()


@cache
def headings(path: Path) -> frozenset[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    lines = re.findall(r"^#+ (.+)$", path.read_text(), re.M)
    return frozenset(re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-") for line in lines)


def is_runnable(module: str) -> bool:
    path = ROOT / module.replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__main__.py").exists()


@cache
def names_of_tests() -> frozenset[str]:
    """Return each test module, with and without `.py`, and each test function."""
    tests = tracked("tests/**/test_*.py")
    functions = {name for path in tests for name in re.findall(r"def (test_\w+)", path.read_text())}
    return frozenset(functions.union(*({path.name, path.stem} for path in tests)))


@cache
def metric_names() -> frozenset[str]:
    """Return each metric, and each series of a histogram or counter."""
    names = {n for metric in vars(metrics).values() if (n := getattr(metric, "_name", None))}
    return frozenset(name + end for name in names for end in ("", "_total", "_bucket", "_sum", "_count"))


@cache
def targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.M))
