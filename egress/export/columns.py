"""The Arrow schema of each fact topic, derived from the class of the fact. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import Struct, inspect

#: Personal data and request digests, which are never exported.
EXCLUDED_FIELDS = frozenset({"delivery_address", "customer", "personal", "sealed", "request_fingerprint"})
#: Fields with an instant as RFC 3339 text, exported as timestamps.
TIMESTAMP_FIELDS = frozenset({"occurred_at", "created_at", "updated_at"})

_TIMESTAMP = pa.timestamp("ms", tz="UTC")
_SCALARS: dict[type, pa.DataType] = {
    inspect.StrType: pa.string(),
    inspect.IntType: pa.int64(),
    inspect.FloatType: pa.float64(),
    inspect.BoolType: pa.bool_(),
}
#: Columns that every topic has: the position of the record and its event id.
RECORD_COLUMNS = (
    pa.field("kafka_partition", pa.int32(), nullable=False),
    pa.field("kafka_offset", pa.int64(), nullable=False),
    pa.field("event_id", pa.string()),
)


class FactRow(Struct, frozen=True):
    """A fact, and the position and event id of its record."""

    partition: int
    offset: int
    event_id: str | None
    fact: Struct


def schema(cls: type[Struct]) -> pa.Schema:
    """Return the columns of a class of facts."""
    return pa.schema([*RECORD_COLUMNS, *_fields(inspect.type_info(cls))])


def table(cls: type[Struct], rows: Iterable[FactRow]) -> pa.Table:
    """Return the rows as a table."""
    fields = _fields(inspect.type_info(cls))
    return pa.Table.from_pylist([_record(row, fields) for row in rows], schema=schema(cls))


def _record(row: FactRow, fields: list[pa.Field]) -> dict[str, Any]:
    fact = msgspec.to_builtins(row.fact)
    columns = {"kafka_partition": row.partition, "kafka_offset": row.offset, "event_id": row.event_id}
    return columns | {field.name: _value(field.type, fact.get(field.name)) for field in fields}


def _fields(info: Any) -> list[pa.Field]:
    return [
        pa.field(
            field.name,
            _TIMESTAMP if field.name in TIMESTAMP_FIELDS else _type(field.type),
            nullable=not field.required or _is_optional(field.type),
        )
        for field in info.fields
        if field.name not in EXCLUDED_FIELDS
    ]


def _is_optional(info: Any) -> bool:
    if isinstance(info, inspect.Metadata):
        return _is_optional(info.type)
    return isinstance(info, inspect.UnionType) and info.includes_none


def _type(info: Any) -> pa.DataType:
    """Return the Arrow type of a field; raises TypeError for a type that no fact has yet."""
    match info:
        case inspect.Metadata(type=inner):
            return _type(inner)
        case inspect.UnionType(types=types):
            (member,) = (each for each in types if not isinstance(each, inspect.NoneType))
            return _type(member)
        case inspect.LiteralType(values=values) if all(isinstance(value, str) for value in values):
            return pa.string()
        case inspect.ListType(item_type=item):
            return pa.list_(_type(item))
        case inspect.DictType(key_type=key, value_type=value):
            return pa.map_(_type(key), _type(value))
        case inspect.StructType():
            return pa.struct(_fields(info))
        case _ if type(info) in _SCALARS:
            return _SCALARS[type(info)]
    raise TypeError(f"no column for {info}")


def _value(kind: pa.DataType, value: Any) -> Any:
    """Return a value as Arrow expects it: instants as datetimes, maps as pairs, structs without excluded fields."""
    if value is None:
        return None
    if kind == _TIMESTAMP:
        return datetime.fromisoformat(value)
    if pa.types.is_map(kind):
        return [(key, _value(kind.item_type, member)) for key, member in value.items()]
    if pa.types.is_list(kind):
        return [_value(kind.value_type, member) for member in value]
    if pa.types.is_struct(kind):
        return {field.name: _value(field.type, value.get(field.name)) for field in kind}
    return value
