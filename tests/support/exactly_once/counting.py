"""A small application for the runtime: count messages by value, and send each count once."""

import asyncio

from msgspec import Struct

from schemas import metrics
from schemas.timestamps import EpochMs
from streams.exactly_once.application import Application, Tables
from streams.exactly_once.ports import LocalStore, Message, Output, TransactionalLog
from streams.exactly_once.processor import Processor
from streams.exactly_once.record_codec import RecordCodec
from streams.exactly_once.staging import StagedTable
from tests.support.exactly_once.memory import MemoryBroker


class PoisonError(Exception):
    """The message is poison."""


class Count(Struct, frozen=True):
    n: int


def count(message: Message, now: EpochMs, tables: Tables, outputs: list[Output]) -> str:
    assert message.value is not None
    key = message.value.decode()
    counts = tables["counts"]
    seen = counts.get(key, Count(0)).n + 1
    counts.put(key, Count(seen))
    outputs.append(Output("out", message.partition, message.value, b"%d" % seen))
    if key == "poison":
        raise PoisonError("poison")
    if key.startswith("defect"):
        raise KeyError(key)
    return "counted"


def dead_letter(message: Message, error: Exception) -> list[Output]:
    return [Output("dlq", message.partition, message.key, message.value, [("why", str(error).encode())])]


APPLICATION = Application(count, dead_letter, rejections=(PoisonError,))


def processor(log: TransactionalLog, store: LocalStore, **options) -> Processor:
    tables = {"counts": StagedTable("counts", Count, store)}
    options = {"application": APPLICATION, "log_identity": "log"} | options
    return Processor("in-0", log, store, tables, **options)


def stored(n: int) -> bytes:
    """Return a count as this release stores it."""
    return RecordCodec(Count).encode(Count(n), None)


def counts(broker: MemoryBroker) -> list[tuple[bytes, bytes]]:
    """Return the counts that were sent, as (value, count)."""
    return [(o.key, o.value) for o in broker.outputs if o.topic == "out"]


def is_stopped(worker: Processor) -> bool:
    """Return True if the worker shows that its partition waits for a person."""
    return metrics.partition_stopped.labels(worker.name)._value.get() == 1


async def run_for(seconds: float, worker: Processor) -> None:
    """Run the worker so long; raise what it raises."""
    worker._stopping = False
    task = asyncio.create_task(worker.run())
    await asyncio.sleep(seconds)
    worker.stop()
    await task
