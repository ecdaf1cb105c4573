"""Bugs by which one life of an order reaches into another."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from msgspec import UNSET
from msgspec.structs import replace

from streams.domain import decide, idempotency, payments, place_order
from streams.domain.decision import Decision
from tables.registry import ORDERS, key
from tests.simulation.mutants.planted import mutant


@contextmanager
def _expired_keys_as_new_ones() -> Iterator[None]:
    original = idempotency.replay

    def replay(state, command, now, reply_to):
        decision = original(state, command, now, reply_to)
        record = state[idempotency.IDEMPOTENCY_KEYS].get(
            key(command.restaurant_id, command.idempotency_key_hash)
        )
        return None if record is None or record.has_expired(now) else decision

    with patch.object(idempotency, "replay", replay):
        yield


@mutant("keys-past-their-time-are-refused")
def take_an_expired_key_as_a_new_one() -> Iterator[None]:
    """The order starts again, with another payment."""
    with _expired_keys_as_new_ones():
        yield


@mutant("money-is-where-orders-say")
def pay_a_second_life_by_the_first_ones_payment() -> Iterator[None]:
    """An expired key starts the order again, and the provider answers as it did."""
    with (
        _expired_keys_as_new_ones(),
        patch.object(place_order.identity, "payment_id", lambda order_id, created_at: f"pay_{order_id}"),
    ):
        yield


@mutant("refunds-name-what-they-return")
def refund_without_naming_the_authorisation() -> Iterator[None]:
    """The provider returns whatever the payment has."""
    original = payments.refund_request
    with patch.object(payments, "refund_request", lambda order: replace(original(order), reference=UNSET)):
        yield


@mutant("money-is-where-orders-say")
def accept_a_result_of_another_life() -> Iterator[None]:
    """Only the order's id is compared."""
    original = payments.payment_result

    def result(state, command, now) -> Decision:
        order = state[ORDERS].get(key(command.restaurant_id, command.order_id))
        return original(state, replace(command, payment_id=order.payment_id) if order else command, now)

    with patch.object(decide, "payment_result", result):
        yield


@mutant("paid-by-its-own-authorisation")
def forget_the_authorisation() -> Iterator[None]:
    """The reference does not come with the result."""
    original = payments.payment_result

    def result(state, command, now) -> Decision:
        return original(state, replace(command, reference=UNSET), now)

    with patch.object(decide, "payment_result", result):
        yield
