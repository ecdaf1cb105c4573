"""The books of the simulated provider, page by page over HTTP."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct

from egress.provider_client import ProviderClient
from egress.reconcile.books import Movement, MovementKind, ProviderBooks
from egress.resilience.errors import AccessError, TransientError
from schemas import timestamps
from schemas.money import Money
from schemas.runtime import backoff
from schemas.timestamps import EpochMs

#: Bytes of one page that are read.
MAX_PAGE_BYTES = 2 << 20
#: Attempts at one page, and the bounds of the wait between two, in seconds.
MAX_ATTEMPTS = 6
FIRST_RETRY_SECONDS = 0.2
MAX_RETRY_SECONDS = 10.0

#: Kinds of entries that move money; declined and voided ones do not.
_MOVEMENTS: dict[str, MovementKind] = {"authorised": "taken", "refunded": "given_back"}


class _Entry(Struct, frozen=True):
    order_id: str
    kind: str
    amount: Money | None
    at: str
    payment_id: str = ""  # empty: that of an earlier release, which was the order's id


class _Page(Struct, frozen=True):
    entries: list[_Entry]
    next: str | None


def _instant(text: str) -> EpochMs:
    try:
        return timestamps.from_text(text)
    except (ValueError, TypeError) as error:  # no date, or one without a time zone
        raise TransientError(f"an entry whose time cannot be read: {error}") from error


_decode = msgspec.json.Decoder(_Page).decode


class HttpBooks(ProviderBooks):
    """Reads GET /ledger."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def pages(self, since: EpochMs) -> AsyncIterator[list[Movement]]:
        query: dict[str, str] = {"since": timestamps.to_text(since)}
        while True:
            page = await self._page(query)
            yield [
                Movement(e.payment_id or e.order_id, e.order_id, kind, e.amount.amount, _instant(e.at))
                for e in page.entries
                if e.amount is not None and (kind := _MOVEMENTS.get(e.kind)) is not None
            ]
            if page.next is None:
                return
            if query == (following := {"after": page.next}):
                raise TransientError(f"a page that follows itself: {page.next}")
            query = following

    async def _page(self, query: dict[str, str]) -> _Page:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return _decode(await self._client.get("/ledger", query))
            except msgspec.DecodeError as error:
                failure = TransientError(f"a page that cannot be read: {error}")
            except AccessError:
                raise
            except TransientError as error:
                failure = error
            if attempt < MAX_ATTEMPTS:
                await asyncio.sleep(
                    backoff.delay(attempt, first_seconds=FIRST_RETRY_SECONDS, max_seconds=MAX_RETRY_SECONDS)
                )
        raise failure
