"""What is remembered of deliveries, beside their position in the log: who has had them, and when to try again.

The log says what is owed; this only spares recipients. When it is lost, a delivery that ended out
of order is made again under the same id, and none is lost.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct


class Remembered(Struct, frozen=True):
    """How far a delivery is: `attempts` made, the next `due` (seconds since 1970), or `done`."""

    attempts: int = 0
    due: float = 0.0
    done: bool = False


class Memory(Protocol):
    """Remembers deliveries by their key for a while; fails in silence, since it may be lost at any time."""

    async def recall(self, keys: Sequence[str]) -> Mapping[str, Remembered]:
        """Return what is known of these deliveries."""

    async def remember(self, key: str, known: Remembered, seconds: float) -> None:
        """Keep it for so many seconds."""
