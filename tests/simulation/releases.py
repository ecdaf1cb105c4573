"""Workers of two releases: records of the next one have a field that this one does not know.

The next release sets the field when it first writes a record, as a release would that counts what it holds back.
"""

import itertools
from typing import Any

import msgspec

from streams.exactly_once.ports import LocalStore
from streams.exactly_once.record_codec import Kept, RecordCodec
from streams.exactly_once.staging import StagedTable
from streams.exactly_once.unknown_fields import UnknownFields
from tables.registry import ORDERS, PROMOTIONS, STOCKS, TABLES
from tests.checker.observations import Finding
from tests.support.exactly_once.memory import MemoryBroker

#: Tables with the field, which both releases write often.
NEXT_TABLES = frozenset({ORDERS.name, PROMOTIONS.name, STOCKS.name})
FIELD = "held_back"


class NextReleaseCodec(RecordCodec[Any]):
    """Encodes records with the field: its value is that of the stored record, or one that no other record has."""

    def __init__(self, record: type[Any], numbers: "itertools.count[int]") -> None:
        super().__init__(record)
        self._numbers = numbers

    def encode(self, record: Any, kept: Kept | None) -> bytes:
        if kept is None or kept.unknown is None:
            kept = Kept(1, "ffffffff", UnknownFields({FIELD: next(self._numbers)}))
        return super().encode(record, kept)


def tables_of(
    store: LocalStore, *, is_next: bool, numbers: "itertools.count[int]"
) -> dict[str, StagedTable[Any]]:
    """Return the tables of a worker of this release or the next one."""
    tables = {spec.name: StagedTable(spec.name, spec.record, store) for spec in TABLES}
    if is_next:
        for spec in TABLES:
            if spec.name in NEXT_TABLES:
                tables[spec.name]._codec = NextReleaseCodec(spec.record, numbers)
    return tables


def newer_fields_are_kept(brokers: list[MemoryBroker]) -> Finding:
    """Once a record has the field, every later record of its key and its life has the same value."""
    finding = Finding()
    for broker in brokers:
        values: dict[tuple[bytes, Any], int] = {}
        for key, raw in broker.changelog:
            if key.partition(b"\0")[0].decode() not in NEXT_TABLES or raw is None:
                continue
            record = msgspec.json.decode(raw)
            value = record.get(FIELD)
            # what is deleted and put again begins a life, also in one transaction
            life = key, record.get("created_at", record.get("counted_from"))
            if life in values:
                finding.expect(value == values[life], f"{key!r}: {FIELD} was {values[life]} and is {value}")
            if value is not None:
                values[life] = value
    return finding
