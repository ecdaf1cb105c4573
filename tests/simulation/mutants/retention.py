"""Bugs by which an order, a key or a usage leaves the state too early, never, or with its versions."""

from collections.abc import Iterator
from unittest.mock import patch

from schemas.timestamps import EpochMs, from_text
from streams.domain import place_order, retention, timers
from streams.domain.state import Change, set_timer
from tables.records import Timer
from tables.registry import CUSTOMER_USAGE, key
from tests.simulation.mutants.planted import mutant


@mutant("each-fact-once")
def begin_each_life_with_version_1() -> Iterator[None]:
    """Views take the second life for an old state of the first."""
    with patch.object(place_order.retention, "first_version", lambda state, restaurant_id: 1):
        yield


@mutant("keys-of-deleted-orders-are-free")
def keep_refused_orders() -> Iterator[None]:
    """They fill the state, and their keys are in use indefinitely."""
    with patch.object(timers.retention, "delete_order", lambda *args: ()):
        yield


@mutant("keys-past-their-time-are-refused")
def delete_an_order_when_it_ends() -> Iterator[None]:
    """The key opens another order while the first one is eaten."""
    with patch.object(retention, "_leaves_at", lambda order, policy: from_text(order.updated_at)):
        yield


@mutant("limits-count-all-orders")
def delete_usages_of_open_promotions() -> Iterator[None]:
    """A customer may order again and again."""
    with (
        patch.object(retention, "usage_timer", _soon),
        patch.object(timers.retention, "delete_usage", _delete),
    ):
        yield


def _delete(state, timer, now, policy) -> tuple[Change, ...]:
    subject = key(timer.restaurant_id, timer.subject)
    return (Change(CUSTOMER_USAGE, subject, None),)


def _soon(state, restaurant_id, promotion_id, customer_id, policy) -> Iterator[Change]:
    yield set_timer(Timer("usage", restaurant_id, key(promotion_id, customer_id), EpochMs(0)))
