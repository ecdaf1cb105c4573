"""A micro-batch: call the application's handler for each message, and collect what it writes."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from schemas.timestamps import EpochMs
from streams.exactly_once.application import Application, Tables
from streams.exactly_once.clock_guard import ClockLeapError, LeapAcceptance, time_of
from streams.exactly_once.ports import Message, Output, StopError, StoreError, TooLargeError
from streams.exactly_once.position import Position
from streams.exactly_once.record_size import check_sizes

log = logging.getLogger(__name__)

#: The result of a message that is set aside.
DEAD = "dead"


#: Too many rejections; the handler's error; a leap of time; a StopError, which only another release may pass.
BlockCause = Literal["rejections", "defect", "clock", "stop"]


class Blocked(Struct, frozen=True):
    """The message at which a batch ends because it may not be set aside, and the handler's error."""

    message: Message
    error: Exception
    cause: BlockCause


class MicroBatch(Struct):
    """The contents of one transaction."""

    outputs: list[Output]
    position: Position
    processed: int  # messages that the handler was called for
    skipped: int  # messages below the position
    results: Counter[str]  # of the processed ones
    gap_at: Message | None = None  # the first message above the expected position
    blocked: Blocked | None = None


def run(
    messages: Sequence[Message],
    position: Position,
    tables: Tables,
    application: Application,
    *,
    set_aside: Mapping[int, Exception],
    max_rejections: int,
    clock: EpochMs,
    acceptance: LeapAcceptance | None = None,
    accept_gap: bool = False,
) -> MicroBatch:
    """Call the handler for messages in order; stop at a gap, unless the first one is to be accepted (rule 5).

    Args:
        messages: of one partition, in order.
        position: the next offset, and the time of the last message.
        tables: staged over the local store.
        application: the handler and its limits.
        set_aside: errors by the offsets of messages that become dead letters without a call of the handler.
        max_rejections: rejected messages that become dead letters; the batch ends before the next one.
        clock: the worker's.
        acceptance: an operator's, of records whose time leaps ahead.
        accept_gap: True if the first message may lie above the position.

    Raises StoreError.
    """
    batch = MicroBatch([], position, processed=0, skipped=0, results=Counter())
    for message in messages:
        expected, latest = batch.position
        if message.offset < expected:
            batch.skipped += 1
            continue
        if message.offset > expected and not accept_gap:
            batch.gap_at = message
            break
        accept_gap = False
        try:
            now = time_of(message.offset, message.timestamp, latest, clock, acceptance)
        except ClockLeapError as leap:
            batch.blocked = Blocked(message, leap, "clock")
            break
        written = len(batch.outputs)
        error = set_aside.get(message.offset)
        if error is None:
            try:
                result = application.handler(message, now, tables, batch.outputs)
                check_sizes(batch.outputs[written:], application.max_record_bytes)
            except StoreError:
                raise
            except Exception as raised:
                del batch.outputs[written:]
                for table in tables.values():
                    table.reject()
                cause = _cause(raised, application, max_rejections - batch.results[DEAD])
                if cause is not None:
                    batch.blocked = Blocked(message, raised, cause)
                    break
                error = raised
            else:
                for table in tables.values():
                    table.accept()
        if error is not None:
            log.warning("dead letter: %s-%d@%d: %r", message.topic, message.partition, message.offset, error)
            batch.outputs.extend(application.dead_letter(message, error))
            result = DEAD
        batch.results[result] += 1
        batch.position = Position(message.offset + 1, now)
        batch.processed += 1
    return batch


def _cause(error: Exception, application: Application, rejections_left: int) -> BlockCause | None:
    """Return why a message with this error blocks the batch; None if it may be set aside."""
    if isinstance(error, StopError):
        return "stop"
    if not isinstance(error, (*application.rejections, TooLargeError)):
        return "defect"
    return None if rejections_left > 0 else "rejections"
