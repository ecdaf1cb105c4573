"""Query strings: validation of a page's parameters."""

import re
from functools import cache
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from msgspec import Meta, Struct

from ingress.http.problems import FieldError, invalid
from ingress.http.schema_errors import SchemaValidator

DEFAULT_LIMIT = 20

Limit = Annotated[int, Meta(ge=1, le=100)]
Q = TypeVar("Q", bound=Struct)

#: A whole number in a query, as JSON writes it; `int` would also accept `+5`, `1_0` and `007`.
_WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
#: Digits that are read of a number: more than any bound has, and few enough for `int`.
MAX_DIGITS = 19
#: Parameters that are read of a query: so many that those which do not exist fill the list of errors.
MAX_PARAMETERS = 64
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def query(cls: type[Q], query_string: str) -> Q:
    """Return the query that a query string forms; raises Problem with every error in it."""
    schema = _query_schema(cls)
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, text in _first_parameters(query_string):
        if name not in cls.__struct_fields__:
            errors.append(FieldError(name, "unknown-parameter", kind="parameter"))
        elif name in values:
            errors.append(FieldError(name, "repeated-parameter", kind="parameter"))
        else:
            values[name] = schema.parse(name, text)
    errors.extend(map(_parameter_error, schema.validator.errors(values)))
    if errors:
        raise invalid(*errors)
    return msgspec.convert(values, cls)


def split_restaurant_id(query_string: str) -> tuple[str, str]:
    """Return the `restaurant_id` in a query of /catalogo, and the query without it; raises Problem."""
    rest: list[str] = []
    restaurants: list[str] = []
    for part in query_string.split("&"):
        name, _, value = part.partition("=")
        is_restaurant = unquote_plus(name) == "restaurant_id"
        (restaurants if is_restaurant else rest).append(value if is_restaurant else part)
    if len(restaurants) != 1:
        code = "repeated-parameter" if restaurants else "required-parameter"
        raise invalid(FieldError("restaurant_id", code, kind="parameter"))
    return unquote_plus(restaurants[0]), "&".join(rest)


def _first_parameters(query_string: str) -> list[tuple[str, str]]:
    parts = [part for part in query_string.split("&") if part]
    return parse_qsl("&".join(parts[:MAX_PARAMETERS]), keep_blank_values=True)


def _parameter_error(error: FieldError) -> FieldError:
    name = error.location.removeprefix("/")
    if error.expected == "boolean":
        return FieldError(name, "enum", "true, false", kind="parameter")
    return FieldError(name, error.code, error.expected, kind="parameter")


class _QuerySchema:
    """The types of a query's parameters, and what validates them."""

    def __init__(self, cls: type[Struct]) -> None:
        self.validator = SchemaValidator(cls)
        fields = msgspec.json.schema_components([cls])[1][cls.__name__]["properties"]
        self._types = {
            name: {choice.get("type") for choice in schema.get("anyOf", [schema])}
            for name, schema in fields.items()
        }

    def parse(self, name: str, text: str) -> object:
        """Return the value that a text stands for; text of another type than the parameter's stays text."""
        if "integer" in self._types[name] and _WHOLE_NUMBER.fullmatch(text):
            return int(text[:MAX_DIGITS])
        if "boolean" in self._types[name]:
            return _BOOLEANS.get(text.lower(), text)
        return text


_query_schema = cache(_QuerySchema)
