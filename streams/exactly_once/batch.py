"""A micro-batch: run the application's function over the messages, and collect what it wants written."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from streams.exactly_once.ports import Message, Output
from streams.exactly_once.position import Position
from streams.exactly_once.staging import StagedTable

log = logging.getLogger(__name__)


class Outbox:
    """Where the application's function leaves its records."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []

    def send(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Write a record in the transaction of this batch."""
        self.outputs.append(Output(topic, partition, key, value, headers))


Tables = dict[str, StagedTable[Any]]
#: The application: reads and puts into tables, sends into the outbox, and returns in a word what became
#: of the message, for the metrics. It runs to its end without awaiting, and what it does must depend on
#: nothing but its arguments. `now` never runs backwards.
Function = Callable[[Message, int, Tables, Outbox], str]
#: What to write of a message that the function raised at.
DeadLetter = Callable[[Message, Exception], Output]
#: What became of a message that was set aside.
DEAD = "dead"


class Batch(Struct):
    """What one transaction is to hold."""

    outputs: list[Output]
    position: Position
    done: int  # messages that the function has had
    skipped: int  # messages from below the position
    results: Counter[str]  # what became of those done
    gap_at: Message | None = None  # the first message above the expected position


def run(
    messages: Sequence[Message],
    position: Position,
    tables: Tables,
    function: Function,
    dead_letter: DeadLetter,
    *,
    accept_gap: bool = False,
) -> Batch:
    """Run the function over messages in order; stops at a gap unless it is to be accepted (rule 5)."""
    outbox = Outbox()
    batch = Batch(outbox.outputs, position, done=0, skipped=0, results=Counter())
    for message in messages:
        expected, time = batch.position
        if message.offset < expected:
            batch.skipped += 1
            continue
        if message.offset > expected and not accept_gap:
            batch.gap_at = message
            break
        accept_gap = False
        now = max(time, message.timestamp)
        written = len(outbox.outputs)
        try:
            result = function(message, now, tables, outbox)
        except Exception as error:  # whatever a message does, the partition goes on
            log.warning("set aside %s-%d@%d: %r", message.topic, message.partition, message.offset, error)
            del outbox.outputs[written:]
            for table in tables.values():
                table.reject()
            outbox.outputs.append(dead_letter(message, error))
            result = DEAD
        else:
            for table in tables.values():
                table.accept()
        batch.results[result] += 1
        batch.position = Position(message.offset + 1, now)
        batch.done += 1
    return batch
