"""Every error of a value by JSON Schema, where msgspec stops at the first.

The work is linear in the value, and ends when a problem would list no more errors. The validator finds all errors of
what it is given at once, and copies it for each of them. So it is given the members of a list one by one, and of no
value more than the schema can ask about.
"""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import jsonschema_rs
import msgspec
from jsonschema_rs import ValidationErrorKind as Kind

from ingress.http.problems import MAX_FIELD_ERRORS, FieldError

#: Keywords of JSON Schema that set a limit; each has a text of its own.
LIMIT_KEYWORDS = frozenset({"minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"})
#: The engine without backtracking: a pattern that would need it is an error when the process starts.
_PATTERN_OPTIONS = jsonschema_rs.RegexOptions()
#: What our patterns have before `$` because msgspec's `$` admits a line feed after the end; the validator's does not.
_NO_LINE_FEED = r"(?!\n)"
#: The steps to the deepest object of a body: a price, in a line, in the list of lines.
MAX_DEPTH = 3


class SchemaValidator:
    """Validates JSON values against the schema of a msgspec type."""

    def __init__(self, cls: type[Any]) -> None:
        schema = _for_validator(msgspec.json.schema(cls))
        fields = schema["$defs"][cls.__name__]["properties"]
        self._names = frozenset(name for part in schema["$defs"].values() for name in part["properties"])
        lists = {name: field for name, field in fields.items() if "items" in field}
        #: The longest list of each field that has one, and the validator of its members.
        self._members = {
            name: (field["maxItems"], _validator({"$defs": schema["$defs"], **field.pop("items")}))
            for name, field in lists.items()
        }
        self._max_items = max((max_items for max_items, _ in self._members.values()), default=0)
        self._validator = _validator(schema)

    def errors(self, value: Any) -> list[FieldError]:
        """Return the errors of a decoded JSON value, each at its JSON pointer: one more than a problem lists, at most."""
        return list(islice(self._errors(value), MAX_FIELD_ERRORS + 1))

    def _errors(self, value: Any) -> Iterator[FieldError]:
        value = self._shorten(value)
        lists = {}
        if isinstance(value, dict):
            lists = {name: value[name] for name in self._members if isinstance(value.get(name), list)}
            value = value | {name: [None] * len(members) for name, members in lists.items()}
        yield from _found(self._validator, value, ())
        for name, members in lists.items():
            max_items, validator = self._members[name]
            for index, member in enumerate(members[:max_items]):
                yield from _found(validator, member, (name, index))

    def _shorten(self, value: Any, depth: int = 0, in_list: bool = False) -> Any:
        """Return the value without what can make no further error that a problem would list."""
        if isinstance(value, list):
            if in_list or depth > MAX_DEPTH:  # neither is valid
                return []
            return [self._shorten(member, depth + 1, True) for member in value[: self._max_items + 1]]
        if not isinstance(value, dict):
            return value
        if depth > MAX_DEPTH:
            return {}
        unknown = islice((name for name in value if name not in self._names), MAX_FIELD_ERRORS + 1)
        kept = {name: self._shorten(value[name], depth + 1) for name in self._names if name in value}
        return kept | {name: self._shorten(value[name], MAX_DEPTH + 1) for name in unknown}


def json_pointer(*steps: str | int) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _validator(schema: Any) -> Any:
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True, pattern_options=_PATTERN_OPTIONS)


def _for_validator(schema: Any) -> Any:
    """Rewrite "X or null" as "if not null, then X", so that the validator reports each error inside X; and patterns."""
    if isinstance(schema, list):
        return [_for_validator(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: _for_validator(member) for name, member in schema.items()}
    if isinstance(schema.get("pattern"), str):
        schema["pattern"] = schema["pattern"].replace(_NO_LINE_FEED, "")
    match schema.pop("anyOf", None):
        case None:
            return schema
        case [*others, {"type": "null"}] if len(others) == 1:
            return schema | {"if": {"type": "null"}, "else": others[0]}
        case choices:
            return schema | {"anyOf": choices}


def _found(validator: Any, value: Any, at: tuple[str | int, ...]) -> Iterator[FieldError]:
    """Yield the errors of a value whose own place is `at`."""
    return chain.from_iterable(_field_errors(error, at) for error in validator.iter_errors(value))


def _field_errors(error: Any, at: tuple[str | int, ...]) -> Iterator[FieldError]:
    path = (*at, *error.instance_path)
    match error.kind:
        case Kind.Required(name):
            yield FieldError(json_pointer(*path, name), "required")
        case Kind.AdditionalProperties(names):
            for name in names:
                yield FieldError(json_pointer(*path, name), "unknown")
        case Kind.Type(types):
            yield FieldError(json_pointer(*path), "type", ", ".join(types))
        case Kind.Enum(choices):
            options = ", ".join(str(option) for option in choices if option is not None)
            yield FieldError(json_pointer(*path), "enum", options)
        case Kind.Pattern(pattern):
            yield FieldError(json_pointer(*path), "pattern", pattern)
        case Kind.Format(name):
            yield FieldError(json_pointer(*path), "format", name)
        case kind if kind.name in LIMIT_KEYWORDS:
            yield FieldError(json_pointer(*path), kind.name, kind.value)
        case _:  # an error of the validator itself is one as well
            yield FieldError(json_pointer(*path), "invalid")
