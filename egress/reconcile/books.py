"""The port to the provider's books. An adapter for a real provider, over its reports or its API, implements it."""

from collections.abc import AsyncIterator
from typing import Literal, Protocol

from msgspec import Struct

from schemas.timestamps import EpochMs

MovementKind = Literal["taken", "given_back"]


class Movement(Struct, frozen=True):
    """One movement of money in the books, in centavos."""

    payment_id: str
    order_id: str
    kind: MovementKind
    amount: int
    at: EpochMs


class ProviderBooks(Protocol):
    """Reads the provider's books."""

    def pages(self, since: EpochMs) -> AsyncIterator[list[Movement]]:
        """Yield every movement from this instant on, in the order of the books; raises TransientError, PermanentError.

        A page has a bound, so that memory does not grow with the books.
        """
