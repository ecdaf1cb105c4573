"""The columns of each kind of fact: Arrow types made of the same classes as everything else."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import Struct, inspect

#: Fields that are nobody's business in an analysis: personal data never leaves by this door.
WITHHELD = frozenset({"delivery_address", "customer", "personal", "sealed", "request_fingerprint"})
#: Fields that are instants; their text is RFC 3339.
INSTANTS = frozenset({"occurred_at", "created_at", "updated_at"})

_INSTANT = pa.timestamp("ms", tz="UTC")
#: Where each fact stood in the log, and the id that it has there.
PLACE = (
    pa.field("kafka_partition", pa.int32(), nullable=False),
    pa.field("kafka_offset", pa.int64(), nullable=False),
    pa.field("event_id", pa.string()),
)


class Row(Struct, frozen=True):
    """A fact and where it stood."""

    partition: int
    offset: int
    event_id: str | None
    fact: Struct


def schema(cls: type[Struct]) -> pa.Schema:
    """Return the columns of a kind of fact."""
    return pa.schema([*PLACE, *_fields(inspect.type_info(cls))])


def table(cls: type[Struct], rows: Iterable[Row]) -> pa.Table:
    """Return the rows as columns."""
    fields = _fields(inspect.type_info(cls))
    return pa.Table.from_pylist([_record(row, fields) for row in rows], schema=schema(cls))


def _record(row: Row, fields: list[pa.Field]) -> dict[str, Any]:
    fact = msgspec.to_builtins(row.fact)
    place = {"kafka_partition": row.partition, "kafka_offset": row.offset, "event_id": row.event_id}
    return place | {field.name: _value(field.type, fact.get(field.name)) for field in fields}


def _fields(info: Any) -> list[pa.Field]:
    return [
        pa.field(
            field.name,
            _INSTANT if field.name in INSTANTS else _type(field.type),
            nullable=not field.required or _is_optional(field.type),
        )
        for field in info.fields
        if field.name not in WITHHELD
    ]


def _is_optional(info: Any) -> bool:
    if isinstance(info, inspect.Metadata):
        return _is_optional(info.type)
    return isinstance(info, inspect.UnionType) and info.includes_none


def _type(info: Any) -> pa.DataType:
    """Return the Arrow type of a field; raises TypeError for one that no fact has had so far."""
    match info:
        case inspect.Metadata(type=inner):
            return _type(inner)
        case inspect.UnionType(types=types):
            (one,) = (each for each in types if not isinstance(each, inspect.NoneType))
            return _type(one)
        case inspect.StrType():
            return pa.string()
        case inspect.LiteralType(values=values) if all(isinstance(value, str) for value in values):
            return pa.string()
        case inspect.IntType():
            return pa.int64()
        case inspect.FloatType():
            return pa.float64()
        case inspect.BoolType():
            return pa.bool_()
        case inspect.ListType(item_type=item):
            return pa.list_(_type(item))
        case inspect.DictType(key_type=key, value_type=value):
            return pa.map_(_type(key), _type(value))
        case inspect.StructType():
            return pa.struct(_fields(info))
    raise TypeError(f"no column for {info}")


def _value(kind: pa.DataType, value: Any) -> Any:
    """Return the value as Arrow takes it: instants as such, maps as pairs, what is withheld left out."""
    if value is None:
        return None
    if kind == _INSTANT:
        return datetime.fromisoformat(value)
    if pa.types.is_map(kind):
        return [(key, _value(kind.item_type, member)) for key, member in value.items()]
    if pa.types.is_list(kind):
        return [_value(kind.value_type, member) for member in value]
    if pa.types.is_struct(kind):
        return {field.name: _value(field.type, value.get(field.name)) for field in kind}
    return value
