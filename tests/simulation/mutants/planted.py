"""The list of bugs that are planted into the simulation, and two ways to plant one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

from streams.agents import command_handler
from streams.domain import place_order as domain_place_order
from streams.domain.decision import Decision
from tests.support.planting import Mutants

MUTANTS = Mutants()
mutant = MUTANTS.caught_by


@contextmanager
def changed_decisions(change: Callable[[Decision], Decision]) -> Iterator[None]:
    """Change every decision of the command handler."""
    original = command_handler.decide
    with patch.object(command_handler, "decide", lambda *args: change(original(*args))):
        yield


@contextmanager
def changed_placements(change: Callable[[Decision], Decision]) -> Iterator[None]:
    """Change every decision on a PlaceOrder."""
    original = domain_place_order.place_order
    with patch("streams.domain.decide.place_order", lambda *args: change(original(*args))):
        yield
