"""Bugs in facts and views."""

from collections.abc import Iterator
from unittest.mock import patch

from msgspec.structs import replace

from streams.agents import command_handler
from streams.domain import place_order as domain_place_order
from tests.simulation import run
from tests.simulation.mutants.planted import mutant


@mutant("all-or-nothing", "stock-conserved")
def confirm_without_a_reservation() -> Iterator[None]:
    original = command_handler.decide

    def decide(state, command, now, *rest):
        decision = original(state, command, now, *rest)
        kept = tuple(f for f in decision.facts if type(f).__name__ != "StockReserved")
        return replace(decision, facts=kept)

    with patch.object(command_handler, "decide", decide):
        yield


@mutant("every-order-is-decided", "acknowledged-orders-stand")
def drop_the_last_fact() -> Iterator[None]:
    original = command_handler.decide

    def decide(state, command, now, *rest):
        decision = original(state, command, now, *rest)
        return replace(decision, facts=decision.facts[:2] if len(decision.facts) == 3 else decision.facts)

    with patch.object(command_handler, "decide", decide):
        yield


@mutant("refused-orders-do-not-stand", "replays-equal", "a-key-means-one-body")
def refuse_the_retry_of_a_confirmed_order() -> Iterator[None]:
    def place(state, command, now, *rest):
        decision = original(state, command, now, *rest)
        reply = decision.reply
        if reply.answer.outcome == "confirmed" and reply.replayed:
            return replace(
                decision, reply=replace(reply, answer=replace(reply.answer, outcome="out_of_stock"))
            )
        return decision

    original = domain_place_order.place_order
    with patch("streams.domain.decide.place_order", place):
        yield


@mutant("views-equal-facts")
def set_a_view_without_comparing_versions() -> Iterator[None]:
    def put(self, write):
        self.fields.setdefault(write.key, {})[write.field] = f"{write.version}|{write.value.decode()}"

    with patch.object(run.Views, "put", put):
        yield


@mutant("views-equal-facts")
def do_not_project_the_stock_of_a_put_item() -> Iterator[None]:
    original = run.project
    with patch.object(
        run,
        "project",
        lambda fact, p: [
            w for w in original(fact, p) if not (hasattr(fact, "stocks") and "stock:" in w.field)
        ],
    ):
        yield
