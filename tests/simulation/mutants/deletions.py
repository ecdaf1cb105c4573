"""Bugs in deletions, and in what comes again under a deleted id."""

from collections.abc import Iterator
from unittest.mock import patch

from msgspec.structs import replace

from egress.projections import projection
from schemas.timestamps import EpochMs
from streams.domain import deletions, evolve
from tests.simulation.mutants.planted import mutant


@mutant("nothing-is-sold-of-what-is-deleted")
def leave_deleted_things_on_sale() -> Iterator[None]:
    """The views forget them, and decisions do not."""
    with patch.object(evolve, "_deletion", lambda state, fact: iter(())):
        yield


@mutant("new-lives-begin-empty", "all-or-nothing")
def release_portions_into_the_next_life() -> Iterator[None]:
    """An order of a deleted item is cancelled, and the new one has portions that it never had."""
    with patch.object(deletions, "has_portions_of", lambda stock, order: True):
        yield


@mutant("allotments-count-their-run", "limits-count-all-orders")
def go_on_with_the_run_of_a_deleted_promotion() -> Iterator[None]:
    """All of them have begun at the beginning of time."""
    with patch.object(deletions, "begin_of_life", lambda *_: EpochMs(0)):
        yield


@mutant("catalogue-versions-without-gap", "views-equal-facts")
def begin_versions_again() -> Iterator[None]:
    """What is put again is hidden by its own past."""

    def next_version(state, restaurant_id, before):
        return before.version + 1 if before else 1

    with patch.object(deletions, "next_version", next_version):
        yield


@mutant("catalogue-versions-without-gap", "deleted-things-leave-the-views")
def delete_with_the_version_that_there_is() -> Iterator[None]:
    """A view has that version, and takes the deletion for a repetition."""
    original = deletions._deletion_version

    def deletion_version(*args):
        return original(*args) - 1

    with patch.object(deletions, "_deletion_version", deletion_version):
        yield


@mutant("deleted-things-leave-the-views")
def show_deleted_things_for_ever() -> Iterator[None]:
    """The projection does not read what was deleted."""
    with patch.object(projection, "_deletions", lambda fact: []):
        yield


@mutant("deleted-things-leave-the-views")
def leave_the_stock_of_a_deleted_item_in_the_menu() -> Iterator[None]:
    """A field for each item that there ever was."""
    original = projection._deletions

    def without_stocks(fact):
        return [write for write in original(fact) if not write.field.startswith("stock:")]

    with patch.object(projection, "_deletions", without_stocks):
        yield


@mutant("deleted-things-leave-the-views")
def forget_deletions_before_the_facts_of_other_topics() -> Iterator[None]:
    """A reservation that is read late shows the stock of a deleted item again."""
    original = projection._stock_field

    def stock_field(*args):
        return replace(original(*args), owner="") if args[3] is not None else original(*args)

    with patch.object(projection, "_stock_field", stock_field):
        yield
