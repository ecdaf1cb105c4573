"""The store of views, as the projector sees it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from egress.horizon import Aim
from egress.positions import Move, Partition
from egress.projection import ViewWrite


class ViewsLost(Exception):
    """The views were emptied or set back to an earlier time: project again from the positions they hold."""


class ViewsUnreachable(Exception):
    """The store did not answer as it should; what was asked may be done or not, and can be asked again."""


class ViewStore(Protocol):
    """Keeps views and positions. Every method may raise ViewsUnreachable, and can be repeated without harm."""

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Return where the projection of each partition stands; nothing where it has not begun."""

    async def begin(self, beginnings: Mapping[Partition, int]) -> None:
        """Set the positions of projections that have not begun."""

    async def apply(self, writes: Iterable[ViewWrite], moves: Sequence[Move]) -> None:
        """Apply writes and moves as one.

        A write counts when it has a greater version than the field; a move, when its end lies behind
        the position. Raises ViewsLost, having done nothing, when a position lies before its move's
        start.
        """

    async def tell(self, partition: int, aim: Aim) -> None:
        """Tell readers until when the partition's views hold all; raises ViewsLost when they do not."""
