"""From a record of `order.commands` to facts, replies, requests and table writes."""

import logging
from typing import Any, ClassVar, TypeVar

from msgspec import Struct

from schemas import codec, metrics
from schemas.codec import ReplyAddress
from schemas.commands import Command, Tick, restaurant_of
from schemas.facts import Watermark
from schemas.replies import Reply
from schemas.setting_types import MAX_PARTITIONS
from schemas.telemetry import tracing
from schemas.timestamps import EpochMs, to_text
from schemas.topics import BUCKET_COMMANDS, FACT_TOPICS, ORDER_REPLIES, PAYMENT_REQUESTS, WATERMARKS
from streams.agents import public_ids
from streams.domain.decide import UnknownBucketError, decide
from streams.domain.decision import Decision, Policy
from streams.domain.evolve import apply
from streams.domain.state import Change, Table
from streams.domain.timers import MAX_TIMERS_PER_BATCH, fire, postpone
from streams.exactly_once.application import IDLE, Tables
from streams.exactly_once.ports import Message, Output, StopError, StoreError
from streams.exactly_once.staging import StagedTable
from tables.records import Timer
from tables.registry import TIMERS, TableSpec

R = TypeVar("R")

log = logging.getLogger(__name__)

#: What a command led to, as `promo_commands_total` counts it: facts or forwarded commands; nothing new, since it
#: was decided before or waits for its payment; a reply without a fact.
APPLIED, DUPLICATE, REFUSED = "applied", "duplicate", "refused"


class PartitionState:
    """The staged tables of one partition, as the domain's WritableState."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def __getitem__(self, table: TableSpec[R], /) -> Table[R]:
        return self._tables[table.name]

    def put(self, change: Change[Any], /) -> None:
        """Stage a change."""
        self._tables[change.table.name].put(change.key, change.record)

    def due(self, now: EpochMs, limit: int) -> list[Timer]:
        """Return the timers that are due at `now`, earliest first, at most `limit`."""
        timers: StagedTable[Timer] = self._tables[TIMERS.name]
        return timers.first_before(f"{now + 1:015d}", limit)


class UnreadableCommandError(Exception):
    """The record is no command that this version knows; it becomes a dead letter."""


class NewerCommandError(StopError):
    """The command has a version that this release does not know: it must not decide what it does not understand."""

    reason: ClassVar[str] = "newer-message"


#: The errors that are the command's fault. Any other one is a defect, or our environment's.
REJECTIONS = (UnreadableCommandError, UnknownBucketError)


class CommandHandler:
    """Decides one command; the exactly-once runtime calls it for each record."""

    def __init__(self, policy: Policy, reply_partitions: int = MAX_PARTITIONS) -> None:
        self._policy = policy
        self._reply_partitions = reply_partitions

    def __call__(self, message: Message, now: EpochMs, tables: Tables, outputs: list[Output]) -> str:
        """Decode, decide and write; return APPLIED, DUPLICATE, REFUSED or IDLE. Raises one of REJECTIONS."""
        command = _decode(message)
        state = PartitionState(tables)
        writer = DecisionWriter(message, state, outputs, self._policy)
        if isinstance(command, Tick):
            due = state.due(now, MAX_TIMERS_PER_BATCH)
            for timer in due:
                writer.write(self._fire(state, timer, now), None)
            writer.write_watermark(now)
            return APPLIED if due else IDLE
        reply_to = codec.reply_address(message.headers, self._reply_partitions)
        decision = decide(state, command, now, self._policy, reply_to)
        writer.write(decision, reply_to)
        return _result_of(decision)

    def _fire(self, state: PartitionState, timer: Timer, now: EpochMs) -> Decision:
        """Decide a timer. One at which this release has a defect is postponed: it must not hold up all others."""
        try:
            return fire(state, timer, now, self._policy)
        except (StoreError, StopError):
            raise
        except Exception:
            metrics.timers_postponed.inc()
            log.exception("timer postponed: %s of %s, %s", timer.kind, timer.restaurant_id, timer.subject)
            return postpone(timer, now)


def _result_of(decision: Decision) -> str:
    if decision.facts or decision.forwarded_commands:
        return APPLIED
    return DUPLICATE if decision.reply is None or decision.reply.replayed else REFUSED


class DecisionWriter:
    """Writes the decisions of one record: facts, table changes, requests, replies, commands to other buckets."""

    def __init__(
        self, message: Message, state: PartitionState, outputs: list[Output], policy: Policy
    ) -> None:
        self._message = message
        self._state = state
        self._outputs = outputs
        self._policy = policy
        traceparent = codec.header(message.headers, "traceparent") or codec.NO_TRACE
        self._trace = tracing.derive(traceparent, message.topic, message.partition, message.offset)
        self._written = 0

    def write(self, decision: Decision, reply_to: ReplyAddress | None) -> None:
        """Write one decision; its reply goes to `reply_to`."""
        apply(self._state, decision, self._policy)
        for fact in decision.facts:
            public = public_ids.fact(fact)
            self._send(FACT_TOPICS[type(fact)].name, public.restaurant_id, public)
        for request in decision.payment_requests:
            self._send(PAYMENT_REQUESTS.name, request.restaurant_id, request)
        for forwarded in decision.forwarded_commands:
            # by a topic of its own: a transaction leaves gaps in the offsets of the topics that it writes to, and a
            # gap in `order.commands` is an alarm
            command = forwarded.command
            self._send(BUCKET_COMMANDS.name, command.restaurant_id, command, forwarded.reply_to)
        if decision.reply is not None and reply_to is not None:
            self._reply(reply_to, decision.reply)
        for address, reply in decision.deferred_replies:
            self._reply(address, reply)

    def write_watermark(self, now: EpochMs) -> None:
        """Publish that every command before `now` is decided."""
        partition = self._message.partition
        self._send(WATERMARKS.name, str(partition), Watermark(partition=partition, as_of=to_text(now)))

    def _send(self, topic: str, key: str, value: Struct, reply_to: ReplyAddress | None = None) -> None:
        occurred_at = getattr(value, "occurred_at", None)
        headers = codec.headers(type(value), self._next_event_id(), self._trace, reply_to, occurred_at)
        self._outputs.append(
            Output(topic, self._message.partition, key.encode(), codec.encode(value), headers)
        )

    def _reply(self, address: ReplyAddress, reply: Reply) -> None:
        headers = codec.headers(Reply, self._next_event_id(), self._trace)
        headers.append(("correlation-id", address.correlation_id))
        value = codec.encode(public_ids.reply(reply))
        self._outputs.append(Output(ORDER_REPLIES.name, address.partition, self._message.key, value, headers))

    def _next_event_id(self) -> str:
        """Return an id made of the record's partition and offset and a count: deciding the record again repeats it."""
        self._written += 1
        return f"{self._message.partition}-{self._message.offset}-{self._written - 1}"


def _decode(message: Message) -> Command:
    if message.value is None:
        raise UnreadableCommandError("the record has no value")
    try:
        codec.require_known_version(message.headers)
        command: Command = codec.decode_command(message.value)
    except codec.NewerVersionError as error:
        raise NewerCommandError(str(error)) from error
    except (
        ValueError,
        RecursionError,
    ) as error:  # msgspec's; RecursionError for JSON that is nested too deeply
        raise UnreadableCommandError(str(error)) from error
    if not isinstance(command, Tick) and message.key != restaurant_of(command).encode():
        raise UnreadableCommandError(f"the record's key is not its restaurant, {restaurant_of(command)}")
    return command
