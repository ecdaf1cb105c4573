"""The JSON Schemas of bodies and parameters, out of their types."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from ingress.openapi.operation import Operation
from ingress.openapi.problem_document import ProblemDocument
from schemas.commands import Identifier
from schemas.money import MAX_AMOUNT

_REF = "#/components/schemas/"
#: Parts of paths that are no identifiers of ours.
_PATH_PARTS: dict[str, dict[str, Any]] = {"slug": {"type": "string", "pattern": "^[a-z-]+$"}}


class Shapes:
    """The components of a document, and the schema of each type by reference to them."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        """Take the operations whose types are meant."""
        bodies = [operation.body for operation in operations if operation.body is not None]
        answered = [
            cls for operation in operations for answer in operation.answers for cls in types_of(answer.body)
        ]
        told = [cls for operation in operations for cls in (operation.websocket or {}).values()]
        types = list(dict.fromkeys((*bodies, *answered, *told, ProblemDocument)))
        schemas, self.components = msgspec.json.schema_components(types, ref_template=_REF + "{name}")
        self._schemas = dict(zip(types, schemas, strict=True))
        self._bound_prices(bodies)

    def of(self, body: Any) -> dict[str, Any]:
        """Return the schema of a type, or of a tuple of types."""
        schemas: list[dict[str, Any]] = [self._schemas[cls] for cls in types_of(body)]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def _bound_prices(self, bodies: list[type[Struct]]) -> None:
        """Say of money that is sent to us that it has a limit; what we send, a total, may be more."""
        money = self.components["Money"]
        amount = money["properties"]["amount"] | {"maximum": MAX_AMOUNT}
        self.components["Price"] = money | {
            "title": "Price",
            "properties": money["properties"] | {"amount": amount},
        }
        for name in self._reached([self._schemas[body] for body in bodies]):
            self.components[name] = _renamed(self.components[name], _REF + "Money", _REF + "Price")

    def _reached(self, schemas: list[Any]) -> set[str]:
        found: set[str] = set()
        waiting = [name for schema in schemas for name in _references(schema)]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(_references(self.components[name]))
        return found


def types_of(body: Any) -> tuple[Any, ...]:
    """Return the types that a body may have."""
    if body is None:
        return ()
    return body if isinstance(body, tuple) else (body,)


def query_parameters(cls: type[Struct]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Yield name, schema and necessity of each parameter of a query."""
    (_,), components = msgspec.json.schema_components([cls])
    described = components[cls.__name__]
    for name, schema in described["properties"].items():
        yield name, _without_null(schema), name in described.get("required", ())


def path_parameter(name: str) -> dict[str, Any]:
    """Return the schema of a part of a path."""
    identifier: dict[str, Any] = msgspec.json.schema(Identifier)
    return _PATH_PARTS.get(name, identifier)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a parameter may be when it is there: a query has no null."""
    choices: list[dict[str, Any]] = [
        choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}
    ]
    if len(choices) == 1:
        return {name: part for name, part in schema.items() if name not in ("anyOf", "default")} | choices[0]
    return schema


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for member in schema:
            yield from _references(member)
    elif isinstance(schema, dict):
        if isinstance(target := schema.get("$ref"), str):
            yield target.removeprefix(_REF)
        for member in schema.values():
            yield from _references(member)


def _renamed(schema: Any, old: str, new: str) -> Any:
    if isinstance(schema, list):
        return [_renamed(member, old, new) for member in schema]
    if isinstance(schema, dict):
        return {name: _renamed(member, old, new) for name, member in schema.items()}
    return new if schema == old else schema
