"""The query of a page: its parameters, checked."""

import re
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct
from multidict import MultiMapping

from ingress.problems import Fault, invalid

DEFAULT_LIMIT = 20

Limit = Annotated[int, Meta(ge=1, le=100)]
Q = TypeVar("Q", bound=Struct)


#: How a number is written in a query; msgspec would take `1e1` and `null` as well.
_WHOLE = re.compile(r"-?[0-9]+", re.ASCII)


@cache
def _whole_numbers(cls: type[Struct]) -> frozenset[str]:
    """Return the names of the parameters that are whole numbers."""
    fields = msgspec.json.schema_components([cls])[1][cls.__name__]["properties"]
    return frozenset(
        name
        for name, schema in fields.items()
        if any(choice.get("type") == "integer" for choice in schema.get("anyOf", [schema]))
    )


def query(cls: type[Q], parameters: MultiMapping[str]) -> Q:
    """Return the query that the parameters make; raises Problem."""
    given: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, value in parameters.items():
        if name not in cls.__struct_fields__:
            faults.append(Fault(name, "unknown", where="parameter"))
        elif name in given:
            faults.append(Fault(name, "repeated", where="parameter"))
        elif name in _whole_numbers(cls) and not _WHOLE.fullmatch(value):
            faults.append(Fault(name, "invalid", where="parameter"))
        given[name] = value
    if faults:
        raise invalid(*faults)
    try:
        made = msgspec.convert(given, cls, strict=False)
    except msgspec.ValidationError as error:
        name = next((name for name in given if str(error).endswith(f"`$.{name}`")), "")
        raise invalid(Fault(name, "invalid", where="parameter")) from None
    # "null" is taken for none where it is no text
    nothing = [name for name in given if getattr(made, name) is None]
    if nothing:
        raise invalid(*(Fault(name, "invalid", where="parameter") for name in nothing))
    return made
