"""A micro-batch: call the application's handler for each message, and collect what it writes."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from schemas.timestamps import EpochMs
from streams.exactly_once.ports import Message, Output
from streams.exactly_once.position import Position
from streams.exactly_once.staging import StagedTable

log = logging.getLogger(__name__)

Tables = dict[str, StagedTable[Any]]
#: The application: called with a message, the time, the tables, and the list to which it appends the records that it
#: writes. It returns in a word what became of the message, for the metrics. It must not await, and must depend on its arguments alone. The time never runs
#: backwards.
MessageHandler = Callable[[Message, EpochMs, Tables, list[Output]], str]
#: Returns the record to write for a message at which the handler raised.
DeadLetterFactory = Callable[[Message, Exception], Output]
#: The result of such a message.
DEAD = "dead"


class MicroBatch(Struct):
    """The contents of one transaction."""

    outputs: list[Output]
    position: Position
    processed: int  # messages that the handler was called for
    skipped: int  # messages below the position
    results: Counter[str]  # of the processed ones
    gap_at: Message | None = None  # the first message above the expected position


def run(
    messages: Sequence[Message],
    position: Position,
    tables: Tables,
    handler: MessageHandler,
    dead_letter: DeadLetterFactory,
    *,
    accept_gap: bool = False,
) -> MicroBatch:
    """Call the handler for messages in order; stop at a gap, unless the first one is to be accepted (rule 5)."""
    outputs: list[Output] = []
    batch = MicroBatch(outputs, position, processed=0, skipped=0, results=Counter())
    for message in messages:
        expected, latest = batch.position
        if message.offset < expected:
            batch.skipped += 1
            continue
        if message.offset > expected and not accept_gap:
            batch.gap_at = message
            break
        accept_gap = False
        now = max(latest, message.timestamp)
        written = len(outputs)
        try:
            result = handler(message, now, tables, outputs)
        except Exception as error:  # no message may stop its partition
            log.warning("dead letter: %s-%d@%d: %r", message.topic, message.partition, message.offset, error)
            del outputs[written:]
            for table in tables.values():
                table.reject()
            outputs.append(dead_letter(message, error))
            result = DEAD
        else:
            for table in tables.values():
                table.accept()
        batch.results[result] += 1
        batch.position = Position(message.offset + 1, now)
        batch.processed += 1
    return batch
