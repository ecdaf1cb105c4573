"""The feeds of changes as ingress reads them; who keeps them is egress (schemas/views.py)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from ingress.views import MenuView, OrderView


class Line(Struct, frozen=True):
    """Within which a feed's numbers mean something: a generation of the views, and what was projected since it was last placed."""

    generation: str
    mark: str

    def __str__(self) -> str:
        """Return the first part of a sequence."""
        return f"{self.generation}.{self.mark}"


class Delta(Struct, frozen=True):
    """What has changed in a restaurant's feed since a number: references, by the number of their last change.

    None: not all that has changed is held any more.
    """

    last: int
    references: dict[str, int] | None


class BoardView(Struct, frozen=True):
    """All that a restaurant's board may show, as of a number of its feed, or later."""

    line: Line
    sequence: int
    menu: MenuView | None
    orders: list[OrderView]


class Feeds(Protocol):
    """Reads what boards and followed orders need; each method raises Unavailable when it cannot be read in time."""

    async def heads(self, restaurants: Sequence[str]) -> tuple[Line, dict[str, int]]:
        """Return the number of each restaurant's last change."""

    async def deltas(self, asked: Sequence[tuple[str, int]]) -> tuple[Line, list[Delta]]:
        """Return what has changed since the number, for each restaurant that is asked for."""

    async def orders(self, order_ids: Sequence[str]) -> tuple[str, Mapping[str, OrderView]]:
        """Return the generation, and the orders that are known."""

    async def menus(self, restaurants: Sequence[str]) -> tuple[str, Mapping[str, MenuView]]:
        """Return the generation, and the menus that are known."""

    async def board(self, restaurant_id: str) -> BoardView:
        """Return what a restaurant's board may show."""

    def wakes(self) -> AsyncIterator[list[str] | None]:
        """Yield restaurants that something has changed of; None: of any, since messages may have been missed.

        Ends when the connection is lost.
        """
