"""Pages: how long they are, and where the next one begins."""

import base64
import binascii
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct
from multidict import MultiMapping

from ingress.problems import Fault, invalid

DEFAULT_LIMIT = 20

Limit = Annotated[int, Meta(ge=1, le=100)]
#: Where an entry stands in its order; of the same types throughout one order.
Key = tuple[str | int, ...]

Q = TypeVar("Q", bound=Struct)
E = TypeVar("E")


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


def cut(
    entries: Sequence[E], key: Callable[[E], Key], after: Key | None, limit: int
) -> tuple[Sequence[E], Key | None]:
    """Return the page of sorted entries behind `after`, and the key to go on from; None: that was all.

    A page begins behind a key, not at a number, so what comes or goes between two pages makes
    nothing appear twice or get lost.
    """
    start = 0 if after is None else bisect_right(entries, after, key=key)
    page = entries[start : start + limit]
    return page, key(page[-1]) if start + limit < len(entries) else None


def cursor(order: str, key: Key | None) -> str | None:
    """Return the key as clients see it, bound to its order."""
    if key is None:
        return None
    return base64.urlsafe_b64encode(msgspec.json.encode([order, *key])).rstrip(b"=").decode()


def position(given: str | None, order: str, types: tuple[type, ...]) -> Key | None:
    """Return the key that a cursor of this order holds; raises Problem."""
    if given is None:
        return None
    try:
        raw = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
        order_given, *key = msgspec.json.decode(raw, type=list[str | int])
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise invalid(Fault("cursor", "cursor", where="parameter")) from None
    if order_given != order or tuple(map(type, key)) != types:
        raise invalid(Fault("cursor", "cursor", where="parameter"))
    return tuple(key)
