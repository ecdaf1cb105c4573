"""Request bodies: strict decoding, and a list of every error in a body that is rejected.

msgspec decodes and checks good bodies quickly, but stops at the first error. So a bad body is checked again by a JSON
Schema validator, which finds all errors.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Generic, NoReturn, TypeVar

import msgspec

from ingress.http.problems import FieldError, invalid
from ingress.http.schema_errors import SchemaValidator, json_pointer

B = TypeVar("B")

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
