"""Query strings: validation of a page's parameters."""

import re
from functools import cache
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from msgspec import Meta, Struct

from ingress.http.problems import FieldError, invalid

DEFAULT_LIMIT = 20

Limit = Annotated[int, Meta(ge=1, le=100)]
Q = TypeVar("Q", bound=Struct)

#: A whole number in a query; msgspec would also accept `1e1` and `null`.
_WHOLE_NUMBER = re.compile(r"-?[0-9]+", re.ASCII)


def query(cls: type[Q], query_string: str) -> Q:
    """Return the query that a query string forms; raises Problem."""
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, value in parse_qsl(query_string, keep_blank_values=True):
        if name not in cls.__struct_fields__:
            errors.append(FieldError(name, "unknown", kind="parameter"))
        elif name in values:
            errors.append(FieldError(name, "repeated", kind="parameter"))
        elif name in _whole_number_fields(cls) and not _WHOLE_NUMBER.fullmatch(value):
            errors.append(FieldError(name, "invalid", kind="parameter"))
        values[name] = value
    if errors:
        raise invalid(*errors)
    try:
        result = msgspec.convert(values, cls, strict=False)
    except msgspec.ValidationError as error:
        name = next((name for name in values if str(error).endswith(f"`$.{name}`")), "")
        raise invalid(FieldError(name, "invalid", kind="parameter")) from None
    # msgspec reads "null" as None where a field is not a string
    nulls = [name for name in values if getattr(result, name) is None]
    if nulls:
        raise invalid(*(FieldError(name, "invalid", kind="parameter") for name in nulls))
    return result


def split_restaurant_id(query_string: str) -> tuple[str, str]:
    """Return the `restaurant_id` in a query of /catalogo, and the query without it; raises Problem."""
    parameters = parse_qsl(query_string, keep_blank_values=True)
    restaurants = [value for name, value in parameters if name == "restaurant_id"]
    if len(restaurants) != 1:
        code = "repeated" if restaurants else "required"
        raise invalid(FieldError("restaurant_id", code, kind="parameter"))
    return restaurants[0], urlencode([(name, value) for name, value in parameters if name != "restaurant_id"])


@cache
def _whole_number_fields(cls: type[Struct]) -> frozenset[str]:
    fields = msgspec.json.schema_components([cls])[1][cls.__name__]["properties"]
    return frozenset(
        name
        for name, schema in fields.items()
        if any(choice.get("type") == "integer" for choice in schema.get("anyOf", [schema]))
    )
