"""Planted bugs: each is a way to get it wrong that someone has shipped, and names the invariants that must catch it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from msgspec import Struct
from msgspec.structs import replace

from schemas.replies import Answer
from streams.agents import commands
from streams.domain import catalogue, evolve, lifecycle, ordering, paying, reservation
from streams.domain.decision import Decision
from streams.exactly_once import batch, processor
from streams.exactly_once.position import POSITION_KEY
from streams.exactly_once.staging import StagedTable
from tables.registry import key
from tests.exactly_once import memory
from tests.simulation import cluster, run


class Mutant(Struct):
    """One bug, how to plant it, and who must see it."""

    name: str
    plant: Callable[[], AbstractContextManager[Any]]
    caught_by: set[str]


MUTANTS: list[Mutant] = []


def mutant(*caught_by: str) -> Callable[[Callable[[], Iterator[None]]], Callable[[], Iterator[None]]]:
    """Register a bug that these invariants must catch, any of them."""

    def register(plant: Callable[[], Iterator[None]]) -> Callable[[], Iterator[None]]:
        MUTANTS.append(Mutant(plant.__name__.replace("_", "-"), contextmanager(plant), set(caught_by)))
        return plant

    return register


# --- the exactly-once layer


@mutant("each-input-is-answered-once")
def process_below_the_position() -> Iterator[None]:
    original = batch.run

    def run_all(messages, position, *rest, **options):
        low = min((m.offset for m in messages), default=position.offset)
        return original(messages, position._replace(offset=min(low, position.offset)), *rest, **options)

    with patch.object(processor.micro_batch, "run", run_all):
        yield


@mutant(
    "stock-versions-without-gap", "legal-transitions", "one-order-per-key", "catalogue-versions-without-gap"
)
def leave_the_changelog_out_of_the_transaction() -> Iterator[None]:
    original = memory.MemoryLog.produce

    async def produce(self, outputs, changes):
        position = {k: v for k, v in changes.items() if k == POSITION_KEY}
        return await original(self, outputs, position)

    with patch.object(memory.MemoryLog, "produce", produce):
        yield


@mutant("each-input-is-answered-once")
def leave_the_position_out_of_the_transaction() -> Iterator[None]:
    original = memory.MemoryLog.produce

    async def produce(self, outputs, changes):
        state = {k: v for k, v in changes.items() if k != POSITION_KEY}
        return await original(self, outputs, state)

    with (
        patch.object(memory.MemoryLog, "produce", produce),
        patch.object(memory.MemoryBroker, "position", self_position),
    ):
        yield


def self_position(broker: memory.MemoryBroker) -> Any:
    """Say that all is decided: this broker cannot know."""
    return processor.Position(len(broker.inputs))


@mutant(
    "stock-versions-without-gap",
    "catalogue-versions-without-gap",
    "acknowledged-orders-stand",
    "all-or-nothing",
    "stock-conserved",
)
def write_the_store_before_the_commit() -> Iterator[None]:
    original = processor.Processor._transact

    async def transact(self, messages):
        produce = self._log.produce

        async def early(outputs, changes):
            offset = await produce(outputs, changes)
            self._store.apply(changes, offset)
            return offset

        self._log.produce = early
        try:
            return await original(self, messages)
        finally:
            self._log.produce = produce

    with patch.object(processor.Processor, "_transact", transact):
        yield


@mutant(
    "each-fact-once", "one-order-per-key", "stock-versions-without-gap", "dead-letters-are-the-poisoned-ones"
)
def lose_the_fence() -> Iterator[None]:
    async def fence(self):
        self.broker.epoch = self.broker.epoch or 1
        self._epoch = self.broker.epoch

    async def begin(self):
        self.open = ([], {})

    async def produce(self, outputs, changes):
        self.open[0].extend(outputs)
        self.open[1].update(changes)
        return len(self.broker.changelog) + len(changes)

    async def commit(self):
        self.broker.open = self.open
        self.broker.commit()

    with patch.multiple(memory.MemoryLog, fence=fence, begin=begin, produce=produce, commit=commit):
        yield


@mutant(
    "each-fact-once", "one-order-per-key", "dead-letters-are-the-poisoned-ones", "stock-versions-without-gap"
)
def go_on_from_memory_when_a_commit_is_in_doubt() -> Iterator[None]:
    async def recover(self):
        await self._log.fence()
        if not getattr(self, "believed", False):
            self.believed = True
            return await original(self)
        return None

    original = processor.Processor._recover
    with patch.object(processor.Processor, "_recover", recover):
        yield


@mutant(
    "acknowledged-orders-stand",
    "stock-versions-without-gap",
    "legal-transitions",
    "dead-letters-are-the-poisoned-ones",
)
def take_a_commit_in_doubt_for_done() -> Iterator[None]:
    original = processor.Processor._transact

    async def transact(self, messages):
        commit = self._log.commit

        async def hopeful():
            try:
                await commit()
            except TimeoutError:
                self._log.broker.abort()

        self._log.commit = hopeful
        try:
            return await original(self, messages)
        finally:
            self._log.commit = commit

    with patch.object(processor.Processor, "_transact", transact):
        yield


@mutant("each-input-is-answered-once")
def acknowledge_before_the_commit() -> Iterator[None]:
    original = processor.Processor._take_over_again

    async def skip_what_was_acknowledged(self):
        acknowledged = self.position.offset + min(len(self._queue), self._max_batch)
        await original(self)
        self.position = self.position._replace(offset=max(self.position.offset, acknowledged))

    with patch.object(processor.Processor, "_take_over_again", skip_what_was_acknowledged):
        yield


@mutant("each-input-is-answered-once")
def take_every_gap_for_lost_inputs() -> Iterator[None]:
    async def accept(self, message):
        self._gap_from = self.position.offset

    with patch.object(processor.Processor, "_look_into_gap", accept):
        yield


@mutant("stock-versions-without-gap", "legal-transitions", "one-order-per-key", "each-fact-once")
def trust_a_store_without_reading_the_changelog() -> Iterator[None]:
    async def replay(self):
        return None

    with patch.object(processor.Processor, "_replay", replay):
        yield


@mutant("no-answer-is-ahead-of-its-facts")
def reply_outside_the_transaction() -> Iterator[None]:
    original = cluster.SimulatedLog.produce

    async def produce(self, outputs, changes):
        for output in outputs:
            if output.topic == "order.replies":
                self._cluster._deliver(output)
        return await original(self, outputs, changes)

    with patch.object(cluster.SimulatedLog, "produce", produce):
        yield


@mutant("all-or-nothing", "stock-versions-without-gap", "acknowledged-orders-stand")
def send_facts_outside_the_transaction() -> Iterator[None]:
    original = memory.MemoryLog.produce

    async def produce(self, outputs, changes):
        self._check()
        self.broker.outputs.extend(o for o in outputs if o.topic == "stock.reserved")
        return await original(self, [o for o in outputs if o.topic != "stock.reserved"], changes)

    with patch.object(memory.MemoryLog, "produce", produce):
        yield


@mutant("stock-versions-without-gap", "stock-conserved", "never-oversold", "all-or-nothing")
def decide_on_the_store_and_not_on_staged_writes() -> Iterator[None]:
    def get(self, key, default=None):
        raw = self._store.get(self._prefix + key.encode())
        return default if raw is None else self._decode(raw)

    with patch.object(StagedTable, "get", get):
        yield


# --- idempotency


@mutant("one-order-per-key", "replays-equal", "legal-transitions")
def skip_the_deduplication() -> Iterator[None]:
    with patch.object(evolve, "_answered", lambda fact, answer, policy: iter(())):
        yield


@mutant("a-key-means-one-body", "acknowledged-orders-stand")
def drop_the_fingerprint() -> Iterator[None]:
    def place(state, command, now, *rest):
        entry = state.keys.get(key(command.restaurant_id, command.idempotency_key_hash))
        if entry is not None:
            command = replace(command, request_fingerprint=entry.request_fingerprint)
        return original(state, command, now, *rest)

    original = ordering.place_order
    with patch("streams.domain.decide.place_order", place):
        yield


@mutant("one-order-per-key", "legal-transitions", "replays-equal")
def forget_refusals() -> Iterator[None]:
    original = evolve._answered

    def only_confirmed(fact, answer, policy):
        if fact.status == "received":
            yield from original(fact, answer, policy)

    with patch.object(evolve, "_answered", only_confirmed):
        yield


@mutant("replays-equal")
def forget_to_say_that_it_is_a_replay() -> Iterator[None]:
    def place(state, command, now, *rest):
        decision = original(state, command, now, *rest)
        return replace(decision, reply=replace(decision.reply, replayed=False))

    original = ordering.place_order
    with patch("streams.domain.decide.place_order", place):
        yield


@mutant("replays-equal")
def answer_a_replay_from_the_present_state() -> Iterator[None]:
    def place(state, command, now, *rest):
        decision = original(state, command, now, *rest)
        if decision.reply.replayed:
            return Decision(reply=replace(decision.reply, answer=Answer(decision.reply.answer.outcome)))
        return decision

    original = ordering.place_order
    with patch("streams.domain.decide.place_order", place):
        yield


# --- stock


@mutant("never-oversold")
def count_the_lines_of_one_item_apart() -> Iterator[None]:
    def shortages(quoted):
        return [
            reservation.Shortage(line.sku, available)
            for line in quoted.lines
            if (available := quoted.offers[line.sku].available) is not None and available < line.quantity
        ]

    with patch.object(reservation, "shortages", shortages):
        yield


@mutant("never-oversold")
def sell_one_more_than_there_is() -> Iterator[None]:
    def shortages(quoted):
        return [
            reservation.Shortage(sku, available)
            for sku, quantity in quoted.quantities.items()
            if (available := quoted.offers[sku].available) is not None and available + 1 < quantity
        ]

    with patch.object(reservation, "shortages", shortages):
        yield


@mutant("never-oversold")
def take_zero_portions_for_no_limit() -> Iterator[None]:
    def shortages(quoted):
        return [
            reservation.Shortage(sku, offered.available)
            for sku, quantity in quoted.quantities.items()
            if (offered := quoted.offers[sku]).available and offered.available < quantity
        ]

    with patch.object(reservation, "shortages", shortages):
        yield


@mutant("never-oversold", "availability-is-what-is-left")
def bound_a_promotion_by_its_allotment_alone() -> Iterator[None]:
    original = reservation.offer.of

    def of(item, stock, promotions, now):
        offered = original(item, stock, promotions, now)
        if offered.promotion is None:
            return offered
        return replace(offered, available=stock.allotments[offered.promotion.promotion_id].free)

    with patch.object(reservation.offer, "of", of):
        yield


@mutant("never-oversold", "availability-is-what-is-left")
def leave_the_allotment_uncounted() -> Iterator[None]:
    original = reservation.take
    with patch.object(
        reservation, "take", lambda stock, quantity, promotion: original(stock, quantity, None)
    ):
        yield


@mutant("all-or-nothing", "acknowledged-orders-stand")
def reserve_what_there_is_of_each_line() -> Iterator[None]:
    def short(quoted):
        return []

    original = reservation.reserve

    def reserve(state, restaurant_id, quoted, customer):
        there = {
            sku: quantity if (free := quoted.offers[sku].available) is None else min(quantity, free)
            for sku, quantity in quoted.quantities.items()
        }
        return original(state, restaurant_id, replace(quoted, quantities=there), customer)

    with patch.object(reservation, "shortages", short), patch.object(reservation, "reserve", reserve):
        yield


@mutant("never-oversold", "stock-conserved")
def start_the_count_anew_when_portions_are_put() -> Iterator[None]:
    original = catalogue.put_menu_item

    def put(state, command, now):
        decision = original(state, command, now)
        facts = [replace(f, stocks=[replace(s, reserved=0) for s in f.stocks]) for f in decision.facts]
        return replace(decision, facts=tuple(facts))

    with patch("streams.domain.decide.put_menu_item", put):
        yield


@mutant("stock-conserved", "all-or-nothing")
def reserve_twice() -> Iterator[None]:
    original = reservation.take
    with patch.object(
        reservation, "take", lambda stock, quantity, promotion: original(stock, 2 * quantity, promotion)
    ):
        yield


@mutant("stock-versions-without-gap", "views-equal-facts")
def leave_the_stock_version_as_it_is() -> Iterator[None]:
    original = reservation.take

    def take(stock, quantity, promotion):
        return replace(original(stock, quantity, promotion), version=stock.version)

    with patch.object(reservation, "take", take):
        yield


# --- the life of an order


@mutant("all-or-nothing", "stock-conserved")
def release_twice() -> Iterator[None]:
    original = commands.decide

    def decide(state, command, now, *rest):
        decision = original(state, command, now, *rest)
        releases = tuple(f for f in decision.facts if type(f).__name__ == "StockReleased")
        return replace(decision, facts=decision.facts + releases)

    with patch.object(commands, "decide", decide):
        yield


@mutant("all-or-nothing", "stock-conserved")
def never_release() -> Iterator[None]:
    original = commands.decide

    def decide(state, command, now, *rest):
        decision = original(state, command, now, *rest)
        kept = tuple(f for f in decision.facts if type(f).__name__ != "StockReleased")
        return replace(decision, facts=kept)

    with patch.object(commands, "decide", decide):
        yield


@mutant("stock-conserved", "never-oversold")
def give_wasted_portions_back() -> Iterator[None]:
    original = reservation.release
    with patch.object(
        reservation, "release", lambda state, order, now, wasted: original(state, order, now, False)
    ):
        yield


@mutant("money-is-where-orders-say")
def do_not_take_back_what_timed_out() -> Iterator[None]:
    original = paying.give_up
    with patch.object(paying, "give_up", lambda *given, **_: original(*given)):
        yield


@mutant("money-is-where-orders-say")
def cancel_without_a_refund() -> Iterator[None]:
    original = commands.decide

    def decide(state, command, now, *rest):
        decision = original(state, command, now, *rest)
        return replace(decision, requests=tuple(r for r in decision.requests if r.kind != "refund"))

    with patch.object(commands, "decide", decide):
        yield


@mutant("refunds-are-told", "legal-transitions")
def tell_a_refund_each_time_it_is_heard_of() -> Iterator[None]:
    original = paying._refunded

    def refunded(order, now):
        unknown = replace(order, refund=None) if order.status == "cancelled" else order
        return original(unknown, now)

    with patch.object(paying, "_refunded", refunded):
        yield


@mutant("legal-transitions", "all-or-nothing", "refused-orders-do-not-stand")
def confirm_what_has_timed_out() -> Iterator[None]:
    original = paying.payment_result

    def result(state, command, now):
        where = key(command.restaurant_id, command.order_id)
        order = state.orders.get(where)
        if order is None or order.reason != "payment_timeout" or command.outcome != "authorised":
            return original(state, command, now)
        confirmed = ordering.confirm(state, order, "", now, paid=True)
        return Decision((confirmed,))

    with patch("streams.domain.decide.payment_result", result):
        yield


@mutant("legal-transitions")
def cancel_what_is_being_delivered() -> Iterator[None]:
    original = lifecycle.after

    def after(state, trigger):
        return (
            "cancelled" if trigger == "cancel" and state == "out_for_delivery" else original(state, trigger)
        )

    with patch.object(lifecycle, "after", after):
        yield


@mutant("each-input-is-answered-once", "everything-is-decided")
def forget_who_waits() -> Iterator[None]:
    original = paying.decided

    def decided(state, order, answered):
        replies, notes = original(state, order, answered)
        return replies[:1], notes

    with patch.object(paying, "decided", decided):
        yield


# --- facts and views


@mutant("all-or-nothing", "stock-conserved")
def confirm_without_a_reservation() -> Iterator[None]:
    original = commands.decide

    def decide(state, command, now, *rest):
        decision = original(state, command, now, *rest)
        kept = tuple(f for f in decision.facts if type(f).__name__ != "StockReserved")
        return replace(decision, facts=kept)

    with patch.object(commands, "decide", decide):
        yield


@mutant("every-order-is-decided", "acknowledged-orders-stand")
def drop_the_last_fact() -> Iterator[None]:
    original = commands.decide

    def decide(state, command, now, *rest):
        decision = original(state, command, now, *rest)
        return replace(decision, facts=decision.facts[:2] if len(decision.facts) == 3 else decision.facts)

    with patch.object(commands, "decide", decide):
        yield


@mutant("refused-orders-do-not-stand", "replays-equal", "a-key-means-one-body")
def answer_refused_to_an_order_that_stands() -> Iterator[None]:
    def place(state, command, now, *rest):
        decision = original(state, command, now, *rest)
        reply = decision.reply
        if reply.answer.outcome == "confirmed" and reply.replayed:
            return replace(
                decision, reply=replace(reply, answer=replace(reply.answer, outcome="out_of_stock"))
            )
        return decision

    original = ordering.place_order
    with patch("streams.domain.decide.place_order", place):
        yield


@mutant("views-equal-facts")
def set_without_compare() -> Iterator[None]:
    def set_(self, write):
        self.fields.setdefault(write.key, {})[write.field] = f"{write.version}|{write.value.decode()}"

    with patch.object(run.Views, "set", set_):
        yield


@mutant("views-equal-facts")
def show_no_stock_of_a_put_item() -> Iterator[None]:
    original = run.project
    with patch.object(
        run,
        "project",
        lambda fact, p: [
            w for w in original(fact, p) if not (hasattr(fact, "stocks") and "stock:" in w.field)
        ],
    ):
        yield
