"""The life of an order, got wrong."""

from collections.abc import Iterator
from unittest.mock import patch

from msgspec.structs import replace

from streams.agents import commands
from streams.domain import lifecycle, ordering, paying, reservation
from streams.domain.decision import Decision
from tables.registry import key
from tests.simulation.mutants.planted import mutant


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
