"""Bugs in the counts of open cash orders."""

from collections import Counter
from collections.abc import Iterator
from unittest.mock import patch

from streams.domain import cash_holds
from tests.simulation.mutants.planted import mutant


@mutant("cash-holds-are-bounded")
def forget_what_is_held() -> Iterator[None]:
    """Each order is compared with the limit alone."""
    with patch.object(cash_holds, "changes", lambda *_: iter(())):
        yield


@mutant("cash-holds-are-bounded")
def give_a_hold_back_when_preparation_begins() -> Iterator[None]:
    """The money is still missing then."""
    with patch.object(cash_holds, "IN_KITCHEN_QUEUE", frozenset({"received"})):
        yield


@mutant("cash-holds-are-bounded")
def count_orders_of_a_promotion_and_not_their_portions() -> Iterator[None]:
    """An order of many portions takes one."""
    original = cash_holds._holds

    def holds(order):
        return Counter(dict.fromkeys(original(order), 1))

    with patch.object(cash_holds, "_holds", holds):
        yield


@mutant("cash-refusals-have-a-reason")
def never_give_a_hold_back() -> Iterator[None]:
    """Delivered and cancelled orders count on."""
    original = cash_holds.changes

    def changes(state, before, after):
        return original(state, None, after) if before and before.status == "pending" else iter(())

    with patch.object(cash_holds, "changes", changes):
        yield


@mutant("cash-refusals-have-a-reason")
def limit_every_way_of_paying() -> Iterator[None]:
    """Who pays first is refused as well."""
    with patch.object(cash_holds, "CASH", "pix"):
        yield
