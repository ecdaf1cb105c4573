"""Planted bugs: what one is, and lists of them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from msgspec import Struct

Plant = Callable[[], Iterator[None]]


class Mutant(Struct):
    """One bug, how to plant it, and the checks that must find it."""

    name: str
    plant: Callable[[], AbstractContextManager[Any]]
    caught_by: set[str]


class Mutants(list[Mutant]):
    """A list of bugs, to which decorators add."""

    def caught_by(self, *laws: str) -> Callable[[Plant], Plant]:
        """Add the decorated bug, which at least one of these laws must catch."""

        def add(plant: Plant) -> Plant:
            self.append(Mutant(plant.__name__.replace("_", "-"), contextmanager(plant), set(laws)))
            return plant

        return add
