"""Fields of a stored record that this release does not know: they are split off before it is decoded, and put back.

A newer release has written them. A worker of this release changes the record's other fields and must not lose these.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Optional

from msgspec import Struct, inspect


class UnknownFields(Struct):
    """The unknown fields of a JSON value, and those of the values in it.

    `inside` is by name in an object. In a list it is by the first field that an object's class declares, such as a sku,
    and by how many objects before it have the same value there.
    """

    own: dict[str, Any] = {}
    inside: dict[Any, "UnknownFields"] = {}


class ObjectShape(Struct):
    """The fields of a class: the names of all, the first one, and the shapes of those that hold objects."""

    known: frozenset[str | None]
    first: str
    members: "dict[str, Shape]"


class Shape(Struct):
    """Where a JSON value may hold objects of classes: itself, by the tag of a union; its values by key; its items."""

    objects: dict[str | int | None, ObjectShape] = {}
    tag_field: str | None = None
    values: Optional["Shape"] = None
    items: Optional["Shape"] = None

    def object_of(self, value: dict[str, Any]) -> ObjectShape | None:
        """Return the shape of an object; None if it is of no class, or of one that is not known."""
        return self.objects.get(value.get(self.tag_field) if self.tag_field else None)


def shape_of(of: inspect.Type) -> Shape | None:
    """Return the shape of the values of a type; None if they hold no objects."""
    shape = Shape()
    for choice in of.types if isinstance(of, inspect.UnionType) else (of,):
        if isinstance(choice, inspect.StructType):
            members = {field.encode_name: shape_of(field.type) for field in choice.fields}
            shape.tag_field = choice.tag_field
            shape.objects[choice.tag] = ObjectShape(
                known=frozenset((*members, choice.tag_field)),
                first=next(iter(members), ""),
                members={name: inner for name, inner in members.items() if inner is not None},
            )
        elif isinstance(choice, inspect.DictType):
            shape.values = shape_of(choice.value_type)
        elif isinstance(choice, inspect.ListType | inspect.VarTupleType):
            shape.items = shape_of(choice.item_type)
    return shape if shape.objects or shape.values or shape.items else None


def split(value: Any, shape: Shape) -> UnknownFields | None:
    """Remove the fields from a decoded JSON value that its class does not have; return them, or None if it has all."""
    own: dict[str, Any] = {}
    if isinstance(value, dict) and (known := shape.object_of(value)) is not None:
        own = {name: value.pop(name) for name in value.keys() - known.known}
    found = ((at, split(member, inner)) for at, member, inner in _members(value, shape))
    inside = {at: unknown for at, unknown in found if unknown is not None}
    return UnknownFields(own, inside) if own or inside else None


def restore(value: Any, shape: Shape, unknown: UnknownFields) -> None:
    """Put the fields back into a JSON value of the same class; those of a member that is gone are dropped."""
    for at, member, inner in _members(value, shape):
        if (inside := unknown.inside.get(at)) is not None:
            restore(member, inner, inside)
    if isinstance(value, dict):
        value.update(unknown.own)


def _members(value: Any, shape: Shape) -> Iterator[tuple[Any, Any, Shape]]:
    """Yield the values in a value that may hold objects, each with where it is and its shape."""
    if isinstance(value, dict):
        if (known := shape.object_of(value)) is not None:
            for name, inner in known.members.items():
                if name in value:
                    yield name, value[name], inner
        elif shape.values is not None:
            for name, member in value.items():
                yield name, member, shape.values
    elif isinstance(value, list) and shape.items is not None:
        seen: Counter[str] = Counter()
        for member in value:
            identity = _identity(member, shape.items)
            yield (identity, seen[identity]), member, shape.items
            seen[identity] += 1


def _identity(member: Any, shape: Shape) -> str:
    known = shape.object_of(member) if isinstance(member, dict) else None
    return "" if known is None else repr(member.get(known.first))
