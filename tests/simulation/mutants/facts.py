"""Bugs in facts and views."""

from collections.abc import Iterator
from unittest.mock import patch

from msgspec.structs import replace

from tests.simulation import run
from tests.simulation.mutants.planted import changed_decisions, changed_placements, mutant


@mutant("all-or-nothing", "stock-conserved")
def confirm_without_a_reservation() -> Iterator[None]:
    def change(decision):
        kept = tuple(f for f in decision.facts if type(f).__name__ != "StockReserved")
        return replace(decision, facts=kept)

    with changed_decisions(change):
        yield


@mutant("every-order-is-decided", "acknowledged-orders-stand")
def drop_the_last_fact() -> Iterator[None]:
    def change(decision):
        return replace(decision, facts=decision.facts[:2] if len(decision.facts) == 3 else decision.facts)

    with changed_decisions(change):
        yield


@mutant("refused-orders-do-not-stand", "replays-equal", "a-key-means-one-body")
def refuse_the_retry_of_a_confirmed_order() -> Iterator[None]:
    def change(decision):
        reply = decision.reply
        if reply.answer.outcome == "confirmed" and reply.replayed:
            refused = replace(reply, answer=replace(reply.answer, outcome="out_of_stock"))
            return replace(decision, reply=refused)
        return decision

    with changed_placements(change):
        yield


@mutant("views-equal-facts")
def set_a_view_without_comparing_versions() -> Iterator[None]:
    original = run.Views.put

    def put(self, write, known):
        original(self, write, 0)

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
