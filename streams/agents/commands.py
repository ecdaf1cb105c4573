"""From a record of `order.commands` to facts, a reply and table writes."""

from collections.abc import Mapping

from schemas import codec
from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.codec import ReplyAddress
from schemas.commands import Command, Tick
from schemas.facts import Fact, Watermark
from schemas.instants import to_text
from schemas.orders import Order
from schemas.payments import PaymentRequest
from schemas.replies import Reply
from schemas.telemetry import tracing
from schemas.topics import BUCKET_COMMANDS, FACT_TOPICS, ORDER_REPLIES, PAYMENT_REQUESTS, WATERMARKS
from streams.agents import outward
from streams.domain.decide import decide
from streams.domain.decision import Decision, Onward, Policy
from streams.domain.evolve import evolve
from streams.domain.state import Change
from streams.domain.timers import MAX_AT_ONCE, fire
from streams.exactly_once.batch import Outbox, Tables
from streams.exactly_once.ports import Message
from streams.exactly_once.staging import StagedTable
from tables.records import Allowance, Escrow, KeyEntry, Kitchen, Parked, Passed, Timer, Waiting


class PartitionState:
    """The tables of one partition under the names that the domain knows them by."""

    def __init__(self, tables: Tables) -> None:
        self.restaurants: Mapping[str, Restaurant] = tables["restaurants"]
        self.items: Mapping[str, Item] = tables["items"]
        self.stocks: Mapping[str, Stock] = tables["stocks"]
        self.promotions: Mapping[str, Promotion] = tables["promotions"]
        self.allowances: Mapping[str, Allowance] = tables["allowances"]
        self.kitchens: Mapping[str, Kitchen] = tables["kitchens"]
        self.orders: Mapping[str, Order] = tables["orders"]
        self.keys: Mapping[str, KeyEntry] = tables["keys"]
        self.waiting: Mapping[str, Waiting] = tables["waiting"]
        self.escrows: Mapping[str, Escrow] = tables["escrows"]
        self.parked: Mapping[str, Parked] = tables["parked"]
        self.passed: Mapping[str, Passed] = tables["passed"]
        self._timers: StagedTable[Timer] = tables["timers"]

    def due(self, now: int, limit: int) -> list[Timer]:
        """Return the timers that are due at `now`, earliest first, at most `limit`."""
        return self._timers.first(f"{now + 1:015d}", limit)


#: What becomes of a command, beside being set aside: it led to facts; it had been decided, or is being
#: paid; it was answered without a fact. Together they are all that was read.
APPLIED, DUPLICATE, REFUSED = "applied", "duplicate", "refused"


class UnreadableCommandError(Exception):
    """The record is no command that this version knows; it is set aside with its bytes."""


class CommandFunction:
    """Decide one command; the exactly-once layer calls it for each record."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def __call__(self, message: Message, now: int, tables: Tables, outbox: Outbox) -> str:
        """Read, decide, write down; returns what became of it. Raises UnreadableCommandError."""
        command = _read(message)
        writer = Writer(message, tables, outbox, self._policy)
        if isinstance(command, Tick):
            for timer in writer.state.due(now, MAX_AT_ONCE):
                writer.carry_out(fire(writer.state, timer, now, self._policy), None)
            writer.watermark(now)
            return APPLIED
        asker = codec.reply_address(message.headers)
        decision = decide(writer.state, command, now, self._policy, asker)
        writer.carry_out(decision, asker)
        return _became(decision)


def _became(decision: Decision) -> str:
    if decision.facts or decision.onward:
        return APPLIED
    return DUPLICATE if decision.reply is None or decision.reply.replayed else REFUSED


class Writer:
    """Writes the decisions of one record down: facts, table changes, requests, replies."""

    def __init__(self, message: Message, tables: Tables, outbox: Outbox, policy: Policy) -> None:
        self.state = PartitionState(tables)
        self._message = message
        self._tables = tables
        self._outbox = outbox
        self._policy = policy
        given = codec.header(message.headers, "traceparent") or codec.NO_TRACE
        self._trace = tracing.derive(given, message.topic, message.partition, message.offset)
        self._written = 0

    def carry_out(self, decision: Decision, asker: ReplyAddress | None) -> None:
        """Write one decision down."""
        for fact in decision.facts:
            for change in evolve(self.state, fact, self._policy):
                self._put(change)
            told = outward.fact(fact)
            self._send(FACT_TOPICS[type(fact)].name, told.restaurant_id, told)
        for change in decision.notes:
            self._put(change)
        for request in decision.requests:
            self._send(PAYMENT_REQUESTS.name, request.restaurant_id, request)
        for onward in decision.onward:
            self._pass_on(onward)
        if decision.reply is not None and asker is not None:
            self._reply(asker, decision.reply)
        for waiting, reply in decision.waited:
            self._reply(waiting, reply)

    def watermark(self, now: int) -> None:
        """Say that everything before `now` is decided."""
        partition = self._message.partition
        self._send(WATERMARKS.name, str(partition), Watermark(partition=partition, as_of=to_text(now)))

    def _put(self, change: Change) -> None:
        self._tables[change.table.name].put(change.key, change.record)

    def _send(self, topic: str, key: str, value: Fact | PaymentRequest | Watermark) -> None:
        at = getattr(value, "occurred_at", None)
        headers = codec.headers(type(value), self._event_id(), self._trace, at=at)
        self._outbox.send(topic, self._message.partition, key.encode(), codec.encode(value), headers)

    def _pass_on(self, onward: Onward) -> None:
        """Write a command to another bucket: on its way it is in a topic of its own, since what a transaction
        writes leaves gaps in the offsets, and gaps in `order.commands` are an alarm."""
        command = onward.command
        headers = codec.headers(type(command), self._event_id(), self._trace, onward.asker)
        key = command.restaurant_id.encode()
        self._outbox.send(BUCKET_COMMANDS.name, self._message.partition, key, codec.encode(command), headers)

    def _reply(self, address: ReplyAddress, reply: Reply) -> None:
        headers = codec.headers(Reply, self._event_id(), self._trace)
        headers.append(("correlation-id", address.correlation_id))
        value = codec.encode(outward.reply(reply))
        self._outbox.send(ORDER_REPLIES.name, address.partition, self._message.key, value, headers)

    def _event_id(self) -> str:
        """Return an id that is the same whenever the same record is decided: its place and a number."""
        self._written += 1
        return f"{self._message.partition}-{self._message.offset}-{self._written - 1}"


def _read(message: Message) -> Command:
    if message.value is None:
        raise UnreadableCommandError("the record has no value")
    try:
        command: Command = codec.decode_command(message.value)
    except ValueError as error:  # msgspec's errors are
        raise UnreadableCommandError(str(error)) from error
    restaurant_id = getattr(command, "restaurant_id", None)
    if restaurant_id is not None and message.key != restaurant_id.encode():
        raise UnreadableCommandError(f"the record's key is not its restaurant, {restaurant_id}")
    return command
