"""All that is wrong with a body: only asked when there is something, so that good bodies are fast."""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import jsonschema_rs
import msgspec

from ingress.problems import Fault

#: Most faults that one answer lists.
MAX_FAULTS = 50
#: Keywords of JSON Schema that set a limit; each has a text.
LIMITS = frozenset({"minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"})

_MSGSPEC_PATH = re.compile(r" - at `\$(.*)`$")
_MSGSPEC_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


class Malformed(ValueError):
    """The bytes are not JSON, or not such as we accept: NaN, lone surrogates, nested too deep."""


def pointer(*steps: str | int) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def parse(raw: bytes) -> tuple[Any, list[Fault]]:
    """Return the value and the fields that are given more than once; raises Malformed."""
    repeated: dict[int, list[str]] = {}
    keep: list[dict[str, Any]] = []  # keeps each object alive, so that its id stays its own

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            names = [name for name, _ in pairs]
            repeated[id(result)] = [name for name in result if names.count(name) > 1]
            keep.append(result)
        return result

    try:
        text = raw.decode("utf-8")
        value = json.loads(text, object_pairs_hook=build, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)) from error
    faults = list(_repeated(value, (), repeated)) if repeated else []
    return value, faults


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _repeated(value: Any, at: tuple[str | int, ...], repeated: dict[int, list[str]]) -> Iterator[Fault]:
    if isinstance(value, dict):
        for name in repeated.get(id(value), ()):
            yield Fault(pointer(*at, name), "repeated")
        for name, member in value.items():
            yield from _repeated(member, (*at, name), repeated)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _repeated(member, (*at, index), repeated)


class Shape:
    """The JSON Schema of a body, asked for all faults at once."""

    def __init__(self, cls: type) -> None:
        """Compile the schema of the body's class."""
        schema = _without_any_of(msgspec.json.schema(cls))
        self._validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)

    def faults(self, value: Any) -> list[Fault]:
        """Return every fault, with its place; raises Malformed."""
        result: list[Fault] = []
        try:
            for error in self._validator.iter_errors(value):
                result.extend(_faults_of(error))
                if len(result) >= MAX_FAULTS:
                    break
        except ValueError as error:  # lone surrogates, nested too deep
            raise Malformed(str(error)) from error
        return result[:MAX_FAULTS]


def _without_any_of(schema: Any) -> Any:
    """Say "X or null" as "unless null, X", so that faults inside X are told one by one."""
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


def _faults_of(error: Any) -> Iterator[Fault]:
    at, kind = tuple(error.instance_path), error.kind
    match kind.name:
        case "required":
            yield Fault(pointer(*at, kind.property), "required")
        case "additionalProperties":
            for name in kind.unexpected:
                yield Fault(pointer(*at, name), "unknown")
        case "type":
            yield Fault(pointer(*at), "type", ", ".join(kind.types))
        case "enum":
            yield Fault(pointer(*at), "enum", ", ".join(map(str, kind.options)))
        case code if code in LIMITS:
            yield Fault(pointer(*at), code, kind.limit)
        case "pattern":
            yield Fault(pointer(*at), "pattern", kind.pattern)
        case "format":
            yield Fault(pointer(*at), "format", kind.format)
        case _:
            yield Fault(pointer(*at), "invalid")


def first_fault(error: msgspec.ValidationError) -> Fault:
    """Return the fault that msgspec stopped at: it is stricter than the schema, e.g. on 1.0 for an integer."""
    path = _MSGSPEC_PATH.search(str(error))
    steps = _MSGSPEC_STEP.findall(path[1]) if path else []
    return Fault(pointer(*(name or index for name, index in steps)), "invalid")
