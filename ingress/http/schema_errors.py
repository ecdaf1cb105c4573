"""Every error of a value by JSON Schema, where msgspec stops at the first."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import jsonschema_rs
import msgspec

from ingress.http.problems import FieldError

#: Most errors that one problem lists.
MAX_FIELD_ERRORS = 50
#: Keywords of JSON Schema that set a limit; each has a text of its own.
LIMIT_KEYWORDS = frozenset({"minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"})


class SchemaValidator:
    """Validates JSON values against the schema of a msgspec type."""

    def __init__(self, cls: type[Any]) -> None:
        schema = _without_any_of(msgspec.json.schema(cls))
        self._validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)

    def errors(self, value: Any) -> list[FieldError]:
        """Return the errors of a decoded JSON value, at most MAX_FIELD_ERRORS, each at its JSON pointer."""
        found = chain.from_iterable(map(_field_errors, self._validator.iter_errors(value)))
        return list(islice(found, MAX_FIELD_ERRORS))


def json_pointer(*steps: str | int) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _without_any_of(schema: Any) -> Any:
    """Rewrite "X or null" as "if not null, then X", so that the validator reports each error inside X."""
    if isinstance(schema, list):
        return [_without_any_of(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: _without_any_of(member) for name, member in schema.items()}
    match schema.pop("anyOf", None):
        case None:
            return schema
        case [*others, {"type": "null"}] if len(others) == 1:
            return schema | {"if": {"type": "null"}, "else": others[0]}
        case choices:
            return schema | {"anyOf": choices}


def _field_errors(error: Any) -> Iterator[FieldError]:
    path, kind = tuple(error.instance_path), error.kind
    match kind.name:
        case "required":
            yield FieldError(json_pointer(*path, kind.property), "required")
        case "additionalProperties":
            for name in kind.unexpected:
                yield FieldError(json_pointer(*path, name), "unknown")
        case "type":
            yield FieldError(json_pointer(*path), "type", ", ".join(kind.types))
        case "enum":
            options = ", ".join(str(option) for option in kind.options if option is not None)
            yield FieldError(json_pointer(*path), "enum", options)
        case code if code in LIMIT_KEYWORDS:
            yield FieldError(json_pointer(*path), code, kind.limit)
        case "pattern":
            yield FieldError(json_pointer(*path), "pattern", kind.pattern)
        case "format":
            yield FieldError(json_pointer(*path), "format", kind.format)
        case _:
            yield FieldError(json_pointer(*path), "invalid")
