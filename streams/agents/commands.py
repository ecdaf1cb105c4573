"""From a record of `order.commands` to facts, a reply and table writes."""

from collections.abc import Mapping

from schemas import codec
from schemas.catalogue import Item, Promotion, Restaurant, Stock
from schemas.codec import ReplyAddress
from schemas.commands import Command, Tick
from schemas.facts import Watermark
from schemas.instants import to_text
from schemas.orders import Order
from schemas.replies import Reply
from schemas.topics import FACT_TOPICS, ORDER_REPLIES, WATERMARKS
from streams.domain.decide import decide
from streams.domain.evolve import evolve
from streams.exactly_once.batch import Outbox, Tables
from streams.exactly_once.ports import Message
from tables.records import Allowance, KeyEntry, Kitchen


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


class UnreadableCommandError(Exception):
    """The record is no command that this version knows; it is set aside with its bytes."""


class CommandFunction:
    """Decide one command; the exactly-once layer calls it for each record."""

    def __init__(self, idempotency_ttl_seconds: int) -> None:
        self._ttl = idempotency_ttl_seconds

    def __call__(self, message: Message, now: int, tables: Tables, outbox: Outbox) -> None:
        """Read, decide, write down. Raises UnreadableCommandError."""
        command = _read(message)
        trace = codec.header(message.headers, "traceparent") or codec.NO_TRACE
        if isinstance(command, Tick):
            _send_watermark(message, now, trace, outbox)
            return
        state = PartitionState(tables)
        decision = decide(state, command, now)
        for index, fact in enumerate(decision.facts):
            for change in evolve(state, fact, self._ttl):
                tables[change.table.name].put(change.key, change.record)
            outbox.send(
                FACT_TOPICS[type(fact)].name,
                message.partition,
                message.key,
                codec.encode(fact),
                codec.headers(type(fact), f"{message.partition}-{message.offset}-{index}", trace),
            )
        if decision.reply is not None:
            _send_reply(message, decision.reply, trace, outbox)


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


def _send_reply(message: Message, reply: Reply, trace: bytes, outbox: Outbox) -> None:
    address: ReplyAddress | None = codec.reply_address(message.headers)
    if address is None:
        return
    headers = codec.headers(Reply, f"{message.partition}-{message.offset}-reply", trace)
    headers.append(("correlation-id", address.correlation_id))
    outbox.send(ORDER_REPLIES.name, address.partition, message.key, codec.encode(reply), headers)


def _send_watermark(message: Message, now: int, trace: bytes, outbox: Outbox) -> None:
    watermark = Watermark(partition=message.partition, as_of=to_text(now))
    event_id = f"{message.partition}-{message.offset}-0"
    outbox.send(
        WATERMARKS.name,
        message.partition,
        b"%d" % message.partition,
        codec.encode(watermark),
        codec.headers(Watermark, event_id, trace),
    )
