"""A small application for the layer: count messages by value, and say each count once."""

from msgspec import Struct

from streams.exactly_once.batch import Outbox, Tables
from streams.exactly_once.ports import LocalStore, Message, Output, TransactionalLog
from streams.exactly_once.processor import Processor
from streams.exactly_once.staging import StagedTable


class Count(Struct, frozen=True):
    n: int


def count(message: Message, now: int, tables: Tables, outbox: Outbox) -> str:
    assert message.value is not None
    key = message.value.decode()
    counts = tables["counts"]
    seen = counts.get(key, Count(0)).n + 1
    counts.put(key, Count(seen))
    outbox.send("out", message.partition, message.value, b"%d" % seen)
    if key == "poison":
        raise ValueError("poison")
    return "counted"


def dead_letter(message: Message, error: Exception) -> Output:
    return Output("dlq", message.partition, message.key, message.value, [("why", str(error).encode())])


def processor(log: TransactionalLog, store: LocalStore, **options) -> Processor:
    tables = {"counts": StagedTable("counts", Count, store)}
    return Processor("in-0", log, store, tables, count, dead_letter, log_identity="log", **options)
