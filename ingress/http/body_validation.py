"""Request bodies: strict decoding, and a list of every error in a body that is rejected.

msgspec decodes and checks good bodies quickly, but stops at the first error. So a bad body is checked again by a JSON
Schema validator, which finds all errors.
"""

import json
import re
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any, Generic, NoReturn, TypeVar

import jsonschema_rs
import msgspec

from ingress.http.problems import FieldError, invalid

B = TypeVar("B")

#: Most errors that one problem lists.
MAX_FIELD_ERRORS = 50
#: Keywords of JSON Schema that set a limit; each has a text of its own.
LIMIT_KEYWORDS = frozenset({"minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"})

_MSGSPEC_PATH = re.compile(r" - at `\$(.*)`$")
_MSGSPEC_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


class BodyReader(Generic[B]):
    """Decodes and validates request bodies of one class."""

    def __init__(self, cls: type[B], rules: Callable[[B], list[FieldError]] = lambda body: []) -> None:
        """Args:
        cls: the class of the body.
        rules: returns the errors that the schema does not find.
        """
        self._decode = msgspec.json.Decoder(cls).decode
        schema = _without_any_of(msgspec.json.schema(cls))
        self._validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        self._rules = rules

    def read(self, raw: bytes) -> B:
        """Return the body; raises Problem `invalid-request` with every error."""
        try:
            body = self._decode(raw)
            _, errors = parse_json(raw)  # of two equal fields msgspec accepts the last
        except msgspec.ValidationError as error:
            raise invalid(*self._all_errors(raw, error)) from None
        except (msgspec.DecodeError, ValueError, RecursionError):
            raise invalid(FieldError("", "malformed")) from None
        errors.extend(self._rules(body))
        if errors:
            raise invalid(*errors)
        return body

    def _all_errors(self, raw: bytes, error: msgspec.ValidationError) -> list[FieldError]:
        try:
            value, repeated = parse_json(raw)
            found = chain.from_iterable(map(_field_errors, self._validator.iter_errors(value)))
            errors = repeated + list(islice(found, MAX_FIELD_ERRORS))
        except (ValueError, RecursionError):
            return [FieldError("", "malformed")]
        return errors or [first_error(error)]


def json_pointer(*steps: str | int) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def parse_json(raw: bytes) -> tuple[Any, list[FieldError]]:
    """Return the value, and an error for each field that is given more than once.

    Raises ValueError for bytes that are not JSON, or JSON that we do not accept: NaN, lone surrogates; and RecursionError
    for JSON that is nested too deep.
    """
    repeated: dict[int, list[str]] = {}
    keep_alive: list[dict[str, Any]] = []  # so that no id is reused

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            names = [name for name, _ in pairs]
            repeated[id(result)] = [name for name in result if names.count(name) > 1]
            keep_alive.append(result)
        return result

    value = json.loads(raw.decode(), object_pairs_hook=build, parse_constant=_reject_constant)
    return value, list(_repeated(value, (), repeated)) if repeated else []


def first_error(error: msgspec.ValidationError) -> FieldError:
    """Return the error at which msgspec stopped.

    msgspec is stricter than the schema: for example, it rejects 1.0 as an integer.
    """
    path = _MSGSPEC_PATH.search(str(error))
    steps = _MSGSPEC_STEP.findall(path[1]) if path else []
    return FieldError(json_pointer(*(name or index for name, index in steps)), "invalid")


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _repeated(
    value: Any, path: tuple[str | int, ...], repeated: dict[int, list[str]]
) -> Iterator[FieldError]:
    if isinstance(value, dict):
        for name in repeated.get(id(value), ()):
            yield FieldError(json_pointer(*path, name), "repeated")
        for name, member in value.items():
            yield from _repeated(member, (*path, name), repeated)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _repeated(member, (*path, index), repeated)


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
            yield FieldError(json_pointer(*path), "enum", ", ".join(map(str, kind.options)))
        case code if code in LIMIT_KEYWORDS:
            yield FieldError(json_pointer(*path), code, kind.limit)
        case "pattern":
            yield FieldError(json_pointer(*path), "pattern", kind.pattern)
        case "format":
            yield FieldError(json_pointer(*path), "format", kind.format)
        case _:
            yield FieldError(json_pointer(*path), "invalid")
