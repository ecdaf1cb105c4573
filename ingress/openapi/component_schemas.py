"""The JSON Schemas of bodies and parameters, generated from their types."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ingress.openapi.operation import Operation
from ingress.openapi.problem_document import ProblemDocument
from schemas.commands import Identifier
from schemas.money import MAX_AMOUNT

_REF = "#/components/schemas/"
#: Path parameters that are not identifiers.
_PATH_PARAMETERS: dict[str, dict[str, Any]] = {"slug": {"type": "string", "pattern": "^[a-z-]+$"}}


class ComponentSchemas:
    """The component schemas of a document, and for each type the schema that refers to them."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        request_types = [operation.body for operation in operations if operation.body is not None]
        response_types = [
            cls
            for operation in operations
            for response in operation.responses
            for cls in types_of(response.body)
        ]
        messages = [cls for operation in operations for cls in (operation.websocket or {}).values()]
        types = list(dict.fromkeys((*request_types, *response_types, *messages, ProblemDocument)))
        schemas, self.components = msgspec.json.schema_components(types, ref_template=_REF + "{name}")
        self._schemas = dict(zip(types, schemas, strict=True))
        self._bound_prices(request_types)

    def of(self, body: Any) -> dict[str, Any]:
        """Return the schema of a type, or of a tuple of types."""
        schemas: list[dict[str, Any]] = [self._schemas[cls] for cls in types_of(body)]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def _bound_prices(self, request_types: list[type[Struct]]) -> None:
        """Give the money in requests a maximum; the total of a response may be greater."""
        for name in msgspec.json.schema_components(request_types)[1]:
            schema = json.dumps(self.components[name])
            self.components[name] = json.loads(schema.replace(f'"{_REF}Money"', f'"{_REF}Price"'))
        money = self.components["Money"]
        amount = money["properties"]["amount"] | {"maximum": MAX_AMOUNT}
        price = {"title": "Price", "properties": money["properties"] | {"amount": amount}}
        self.components["Price"] = money | price


def types_of(body: Any) -> tuple[Any, ...]:
    """Return the types that a body may have."""
    if body is None:
        return ()
    return body if isinstance(body, tuple) else (body,)


def query_parameters(cls: type[Struct]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Yield name and schema of each parameter of a query, and True if it is required."""
    (_,), components = msgspec.json.schema_components([cls])
    schema = components[cls.__name__]
    for name, parameter in schema["properties"].items():
        yield name, _without_null(parameter), name in schema.get("required", ())


def path_parameter(name: str) -> dict[str, Any]:
    """Return the schema of a path parameter."""
    identifier: dict[str, Any] = msgspec.json.schema(Identifier)
    return _PATH_PARAMETERS.get(name, identifier)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter that is present: a query has no null."""
    match schema:
        case {"anyOf": [choice, {"type": "null"}], **others}:
            present: dict[str, Any] = choice
            return {name: part for name, part in others.items() if name != "default"} | present
        case _:
            return schema
