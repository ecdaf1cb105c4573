"""The query of a page: its parameters, checked."""

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct
from multidict import MultiMapping

from ingress.problems import Fault, invalid

DEFAULT_LIMIT = 20

Limit = Annotated[int, Meta(ge=1, le=100)]
Q = TypeVar("Q", bound=Struct)


def query(cls: type[Q], parameters: MultiMapping[str]) -> Q:
    """Return the query that the parameters make; raises Problem."""
    given: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, value in parameters.items():
        if name not in cls.__struct_fields__:
            faults.append(Fault(name, "unknown", where="parameter"))
        elif name in given:
            faults.append(Fault(name, "repeated", where="parameter"))
        given[name] = value
    if faults:
        raise invalid(*faults)
    try:
        return msgspec.convert(given, cls, strict=False)
    except msgspec.ValidationError as error:
        name = next((name for name in given if str(error).endswith(f"`$.{name}`")), "")
        raise invalid(Fault(name, "invalid", where="parameter")) from None
