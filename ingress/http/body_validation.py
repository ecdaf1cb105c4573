"""Request bodies: strict decoding, and a list of every error in a body that is rejected.

msgspec decodes and checks good bodies quickly, but stops at the first error. So a bad body is checked again by a JSON
Schema validator, which finds all errors.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Generic, NoReturn, TypeVar

import msgspec

from ingress.http.problems import MAX_FIELD_ERRORS, FieldError, invalid
from ingress.http.schema_errors import MAX_DEPTH, SchemaValidator, json_pointer

B = TypeVar("B")

#: Objects and lists in which a repeated field is looked for; no body that fits its schema has more of them.
MAX_SEARCHED = 2_000

_MSGSPEC_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


class BodyReader(Generic[B]):
    """Decodes and validates request bodies of one class."""

    def __init__(self, cls: type[B], rules: Callable[[B], list[FieldError]] = lambda body: []) -> None:
        """Args:
        cls: the class of the body.
        rules: returns the errors that the schema does not find.
        """
        self._decode = msgspec.json.Decoder(cls).decode
        self._validator = SchemaValidator(cls)
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
            errors = repeated + self._validator.errors(value)
        except (ValueError, RecursionError):
            return [FieldError("", "malformed")]
        return errors or [first_error(error)]


def parse_json(raw: bytes) -> tuple[Any, list[FieldError]]:
    """Return the value, and an error for each field that is given more than once: one more than a problem lists, at most.

    Raises ValueError for bytes that are not JSON, or JSON that we do not accept: NaN, lone surrogates; and RecursionError
    for JSON that is nested too deep.
    """
    repeated: dict[int, list[str]] = {}
    keep_alive: list[dict[str, Any]] = []  # so that no id is reused

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs) and len(repeated) <= MAX_FIELD_ERRORS:
            repeated[id(result)] = _repeated_names(pairs)
            keep_alive.append(result)
        return result

    value = json.loads(raw.decode(), object_pairs_hook=build, parse_constant=_reject_constant)
    if not repeated:
        return value, []
    located = list(islice(_locate(value, repeated), MAX_FIELD_ERRORS + 1))
    return value, located or [FieldError("", "repeated")]


def first_error(error: msgspec.ValidationError) -> FieldError:
    """Return the error at which msgspec stopped.

    msgspec is stricter than the schema: for example, it rejects 1.0 as an integer.
    """
    _, has_path, path = str(error).rpartition(" - at `$")
    steps = _MSGSPEC_STEP.findall(path.removesuffix("`")) if has_path else []
    return FieldError(json_pointer(*(name or index for name, index in steps)), "invalid")


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _repeated_names(pairs: list[tuple[str, Any]]) -> list[str]:
    """Return the names that occur more than once: one more than a problem lists, at most."""
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for name, _ in pairs:
        if name in seen:
            repeated[name] = None
            if len(repeated) > MAX_FIELD_ERRORS:
                break
        seen.add(name)
    return list(repeated)


def _locate(value: Any, repeated: dict[int, list[str]]) -> Iterator[FieldError]:
    """Yield the errors of the repeated fields, by the ids of their objects, where a body has objects; outer ones first."""
    found: deque[tuple[Any, tuple[str | int, ...]]] = deque([(value, ())])
    searched = 0
    while found and searched < MAX_SEARCHED:
        container, path = found.popleft()
        searched += 1
        for name in repeated.get(id(container), ()):
            yield FieldError(json_pointer(*path, name), "repeated")
        members = container.items() if isinstance(container, dict) else enumerate(container)
        for step, member in members:
            if isinstance(member, dict | list) and len(path) < MAX_DEPTH and len(found) < MAX_SEARCHED:
                found.append((member, (*path, step)))
