"""Planted bugs: what one is, and lists of them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from msgspec import Struct

Plant = Callable[[], Iterator[None]]


class Mutant(Struct):
    """One bug, how to plant it, and who must see it."""

    name: str
    plant: Callable[[], AbstractContextManager[Any]]
    caught_by: set[str]


class Mutants(list[Mutant]):
    """A list that bugs are put down in where they are written."""

    def caught_by(self, *laws: str) -> Callable[[Plant], Plant]:
        """Put a bug down that these must catch, any of them."""

        def put_down(plant: Plant) -> Plant:
            self.append(Mutant(plant.__name__.replace("_", "-"), contextmanager(plant), set(laws)))
            return plant

        return put_down
