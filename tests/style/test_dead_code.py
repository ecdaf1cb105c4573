"""Every module, function, class, constant and method of the product is used by the product itself.

What only a test uses belongs to the tests. A method counts as used if any module reads an attribute of its name, so
a dead method that shares its name with a live one is not found.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module

from tests.style.sources import PRODUCT, ROOT, product_modules, tracked

#: Used by the product in a way that no line of it names, with the way.
ALLOWED = {
    "schemas.settings.Settings.access_partitions": "a topic names the setting that counts its partitions",
    "schemas.settings.Settings.keyring_partitions": "a topic names the setting that counts its partitions",
    "compose.exec_tied": "compose/subprocesses.py starts it by its path",
}

#: Files that start modules by `python -m` or name them in a configuration.
STARTERS = ("Makefile", "Dockerfile", "*.md", "*.toml", "*.cfg", "compose/*.y*ml", "compose/*.sh", ".ci/*")

#: `module:name` in a string, as Faust and console scripts read it; without a module, the string's own.
_REFERENCE = re.compile(r"([\w.]*):(\w+)$")
_DOTTED = re.compile(r"\b[a-z_]+(?:\.\w+)+")


@dataclass
class Definition:
    """One name that a module or a class defines."""

    name: str
    node: ast.stmt
    bases: list[str] = field(default_factory=list)  # of a method's class, as dotted names


class Module:
    """One module: the names that it defines, and those that it uses."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.tree = ast.parse(source)
        self.aliases: dict[str, str] = {}  # imported names, with the dotted name that each stands for
        self.uses: set[str] = set()  # dotted names
        self.attributes: Counter[str] = Counter()
        self.loads = [_loaded_names(statement) for statement in self.tree.body]
        nodes = list(ast.walk(self.tree))
        for node in nodes:
            self._import(node)
        for node in nodes:
            self._use(node)

    def definitions(self) -> Iterator[Definition]:
        """Yield the names of the module, then the methods of its classes as `Class.method`."""
        for statement in self.tree.body:
            yield from (Definition(name, statement) for name in _defined_names(statement))
            if isinstance(statement, ast.ClassDef):
                bases = [self._resolve(base) for base in statement.bases]
                for member in statement.body:
                    if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                        yield Definition(f"{statement.name}.{member.name}", member, bases)

    def reads(self, definition: Definition) -> bool:
        """Return True if a statement other than the definition itself reads the name."""
        return any(
            definition.name in loads
            for statement, loads in zip(self.tree.body, self.loads, strict=True)
            if statement is not definition.node
        )

    def _import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.uses.add(alias.name)
                self.aliases[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                self.uses |= {node.module, f"{node.module}.{alias.name}"}
                self.aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def _use(self, node: ast.AST) -> None:
        if isinstance(node, ast.Attribute):
            self.uses.add(self._resolve(node))
            self.attributes[node.attr] += isinstance(node.ctx, ast.Load)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if found := _REFERENCE.search(node.value):
                self.uses.add(f"{found[1] or self.name}.{found[2]}")
            self.uses.update(_DOTTED.findall(node.value))

    def _resolve(self, node: ast.expr) -> str:
        """Return the dotted name that an expression stands for; empty if it is none."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id, f"{self.name}.{node.id}")
        if isinstance(node, ast.Attribute):
            return f"{self._resolve(node.value)}.{node.attr}"
        return self._resolve(node.value) if isinstance(node, ast.Subscript) else ""


def find_unused(modules: Sequence[Module]) -> list[str]:
    """Return the dotted names that none of these modules uses, of what they define."""
    uses = set().union(*(module.uses for module in modules))
    attributes = sum((module.attributes for module in modules), Counter[str]())
    return [
        f"{module.name}.{definition.name}"
        for module in modules
        for definition in module.definitions()
        if not _is_used(module, definition, uses, attributes)
    ]


def find_unused_modules(modules: Sequence[Module], started: set[str]) -> list[str]:
    """Return the modules that none of the others imports, and that are not among the `started` ones."""
    packages = {module.name.rpartition(".")[0] for module in modules}
    return [
        module.name
        for module in modules
        if module.name not in packages | started
        and not module.name.endswith("__main__")
        and not any(module.name in other.uses for other in modules if other is not module)
    ]


def _is_used(module: Module, definition: Definition, uses: set[str], attributes: Counter[str]) -> bool:
    short = definition.name.rpartition(".")[2]
    if short.startswith("__"):
        return True
    if "." not in definition.name:
        return f"{module.name}.{short}" in uses or module.reads(definition)
    own = sum(isinstance(node, ast.Attribute) and node.attr == short for node in ast.walk(definition.node))
    return attributes[short] > own or any(hasattr(_library_class(base), short) for base in definition.bases)


@cache
def _library_class(dotted: str) -> object:
    """Return the class of a library, whose methods ours override; None for a class of the product."""
    module, _, name = dotted.rpartition(".")
    if module.split(".")[0] in (*PRODUCT, "planted"):
        return None
    try:
        return getattr(import_module(module), name, None)
    except ImportError:
        return None


def _loaded_names(statement: ast.stmt) -> set[str]:
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def _defined_names(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    if isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]


def _product() -> Iterator[Module]:
    for path in product_modules():
        dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        yield Module(dotted, path.read_text())


MODULES = list(_product())


def test_the_product_has_no_dead_code() -> None:
    """Delete what is found, or move it to the test that uses it."""
    assert sorted(set(find_unused(MODULES)) - ALLOWED.keys()) == []


def test_the_product_has_no_dead_module() -> None:
    started = {name for path in tracked(*STARTERS) for name in _DOTTED.findall(path.read_text())}
    assert set(find_unused_modules(MODULES, started)) - ALLOWED.keys() == set()


def test_every_exception_is_still_needed() -> None:
    assert ALLOWED.keys() <= {*find_unused(MODULES), *find_unused_modules(MODULES, started=set())}


PLANTED = [
    Module(
        "planted.a",
        """
import asyncio
from planted import b
from planted.b import imported

LIVE, DEAD = 1, 2

def recursive():
    return recursive()

class Server(asyncio.Protocol):
    def connection_made(self, transport):
        return b.reached(imported, LIVE)

    def forgotten(self):
        return self.forgotten()

START = ["planted.a:Server"]
print(START)
""",
    ),
    Module(
        "planted.b",
        """
def imported(): ...
def reached(): ...
class Unused: ...
""",
    ),
    Module("planted.c", ""),
]


def test_planted_dead_code_is_found() -> None:
    """Neither a call of itself nor a name in another module keeps a definition alive."""
    assert find_unused(PLANTED) == [
        "planted.a.DEAD",
        "planted.a.recursive",
        "planted.a.Server.forgotten",
        "planted.b.Unused",
    ]
    assert find_unused_modules(PLANTED, started={"planted.a"}) == ["planted.c"]
