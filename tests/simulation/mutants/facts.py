"""Facts and views, got wrong."""

from collections.abc import Iterator
from unittest.mock import patch

from msgspec.structs import replace

from streams.agents import commands
from streams.domain import ordering
from tests.simulation import run
from tests.simulation.mutants.planted import mutant


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
