"""The feeds of changes as ingress reads them; egress writes them (schemas/view_keys.py)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from ingress.views.ports import MenuView, OrderView


class FeedEpoch(Struct, frozen=True):
    """The scope in which feed sequences are comparable: a generation of the views, and one run of their writer."""

    generation: str
    writer_run: str

    def __str__(self) -> str:
        """Return the part of a client's sequence that stands before the number."""
        return f"{self.generation}.{self.writer_run}"


class Delta(Struct, frozen=True):
    """What changed in one restaurant's feed after a sequence.

    `references` maps what changed (schemas/view_keys.py) to the sequence of its last change; None: the feed has been
    trimmed, so some of these changes are lost.
    """

    last_sequence: int
    references: dict[str, int] | None


class BoardView(Struct, frozen=True):
    """All that a restaurant's board may show; as new as `sequence` of its feed, or newer."""

    epoch: FeedEpoch
    sequence: int
    menu: MenuView | None
    orders: list[OrderView]


class Feeds(Protocol):
    """Reads boards, followed orders and their changes; each method raises Unavailable if it cannot read in time."""

    async def last_sequences(self, restaurants: Sequence[str]) -> tuple[FeedEpoch, dict[str, int]]:
        """Return the epoch and, by restaurant, the sequence of its last change."""

    async def deltas(self, since: Sequence[tuple[str, int]]) -> tuple[FeedEpoch, list[Delta]]:
        """Return the epoch and what changed, for each pair of restaurant and sequence."""

    async def orders(self, order_ids: Sequence[str]) -> tuple[str, Mapping[str, OrderView]]:
        """Return the generation of the views, and the orders that they show."""

    async def menus(self, restaurants: Sequence[str]) -> tuple[str, Mapping[str, MenuView]]:
        """Return the generation of the views, and the menus that they show."""

    async def board(self, restaurant_id: str) -> BoardView:
        """Return what a restaurant's board may show."""

    def changed_restaurants(self) -> AsyncIterator[list[str] | None]:
        """Yield restaurants that have changed; None: any may have, since messages may have been missed.

        Ends when the connection is lost.
        """
