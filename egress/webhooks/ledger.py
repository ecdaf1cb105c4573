"""The ledger: the last attempts at each restaurant's webhook, and which webhooks are switched off.

For people, and to spare endpoints that want no more. When it is lost, an endpoint that is gone is
told once more, says so again and is switched off again.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class Attempt(Struct, frozen=True, omit_defaults=True):
    """One attempt: when (seconds since 1970), at what, and how it ended; `status` 0: no answer came."""

    at: float
    message_id: str
    event: str
    order_id: str
    attempt: int
    result: str
    status: int = 0
    seconds: float = 0.0
    error: str = ""


class Ledger(Protocol):
    """Keeps attempts and switches; fails in silence when it is written to, since it may be lost at any time."""

    async def note(self, restaurant_id: str, attempt: Attempt) -> None:
        """Keep an attempt, and forget the oldest."""

    async def attempts(self, restaurant_id: str, most: int) -> Sequence[Attempt]:
        """Return the last attempts, the newest first."""

    async def is_off(self, restaurant_id: str, url: str) -> bool:
        """Say whether this address of the restaurant's is switched off."""

    async def switch_off(self, restaurant_id: str, url: str) -> None:
        """Switch this address off; another one that the restaurant is given is on."""

    async def switch_on(self, restaurant_id: str) -> bool:
        """Switch the restaurant's webhook on again; says whether it was off."""
