"""Bugs in the life of an order."""

from collections.abc import Iterator
from unittest.mock import patch

from msgspec.structs import replace

from streams.domain import lifecycle, payments, place_order, reservation
from streams.domain.decision import Decision
from tables.registry import ORDERS, key
from tests.simulation.mutants.planted import changed_decisions, mutant


@mutant("all-or-nothing", "stock-conserved")
def release_twice() -> Iterator[None]:
    def change(decision):
        releases = tuple(f for f in decision.facts if type(f).__name__ == "StockReleased")
        return replace(decision, facts=decision.facts + releases)

    with changed_decisions(change):
        yield


@mutant("all-or-nothing", "stock-conserved")
def never_release() -> Iterator[None]:
    def change(decision):
        kept = tuple(f for f in decision.facts if type(f).__name__ != "StockReleased")
        return replace(decision, facts=kept)

    with changed_decisions(change):
        yield


@mutant("stock-conserved", "never-oversold")
def release_wasted_portions() -> Iterator[None]:
    original = reservation.release
    with patch.object(
        reservation, "release", lambda state, order, now, wasted: original(state, order, now, False)
    ):
        yield


@mutant("money-is-where-orders-say")
def do_not_revoke_a_timed_out_payment() -> Iterator[None]:
    original = payments.fail_and_release
    with patch.object(payments, "fail_and_release", lambda *args, **_: original(*args)):
        yield


@mutant("money-is-where-orders-say")
def cancel_without_a_refund() -> Iterator[None]:
    def change(decision):
        kept = tuple(r for r in decision.payment_requests if r.kind != "refund")
        return replace(decision, payment_requests=kept)

    with changed_decisions(change):
        yield


@mutant("refunds-are-published", "legal-transitions")
def emit_a_refund_for_each_result() -> Iterator[None]:
    original = payments._refunded

    def refunded(order, now):
        unknown = replace(order, refund=None) if order.status == "cancelled" else order
        return original(unknown, now)

    with patch.object(payments, "_refunded", refunded):
        yield


@mutant("legal-transitions", "all-or-nothing", "refused-orders-do-not-stand")
def confirm_a_timed_out_order() -> Iterator[None]:
    original = payments.payment_result

    def result(state, command, now):
        order = state[ORDERS].get(key(command.restaurant_id, command.order_id))
        if order is None or order.reason != "payment_timeout" or command.outcome != "authorised":
            return original(state, command, now)
        confirmed = place_order.confirm(state, order, "", now, paid=True)
        return Decision((confirmed,))

    with patch("streams.domain.decide.payment_result", result):
        yield


@mutant("legal-transitions")
def cancel_an_order_in_delivery() -> Iterator[None]:
    original = lifecycle.next_state

    def next_state(state, trigger):
        return (
            "cancelled" if trigger == "cancel" and state == "out_for_delivery" else original(state, trigger)
        )

    with patch.object(lifecycle, "next_state", next_state):
        yield


@mutant("each-input-is-answered-once", "everything-is-decided")
def reply_to_the_first_caller_only() -> Iterator[None]:
    original = payments.replies_to_pending

    def first_only(*args):
        replies, changes = original(*args)
        return replies[:1], changes

    with patch.object(payments, "replies_to_pending", first_only):
        yield
