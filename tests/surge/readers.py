"""Customers that read: mostly menus, at the times of the profile."""

import asyncio
import random
import time
from collections.abc import Iterator
from datetime import datetime
from functools import cache, lru_cache

from tests.checker.observations import MenuRead
from tests.surge import restaurants
from tests.surge.http_client import ConnectionPool
from tests.surge.load_client import LoadClient
from tests.surge.tally import READ, Tally, count

#: One menu in 50 is kept for the checker.
KEPT_EVERY = 50
#: Requests that are due within this many seconds are sent together.
GRAIN_SECONDS = 0.001


class LoadReaders(LoadClient):
    """Readers that send requests at given times."""

    def __init__(
        self, pool: ConnectionPool, tally: Tally, rng: random.Random, begin_at: float, name: str
    ) -> None:
        super().__init__(pool, tally, rng, begin_at, name)
        self.reads: list[MenuRead] = []
        self.failed: list[tuple[str, int]] = []  # restaurant and status
        self._sent = 0
        self._answered = 0

    async def run(self, arrivals: Iterator[float]) -> None:
        """Return when all requests have a response."""
        for at in arrivals:
            ahead = self._begin_at + at - time.time()
            if ahead > GRAIN_SECONDS:
                await asyncio.sleep(ahead)
            self._send(at)
            if self._sent % 64 == 0:
                await asyncio.sleep(0)  # read responses also when late
        while self._answered < self._sent:
            await asyncio.sleep(0.05)

    def _send(self, at: float) -> None:
        self._sent += 1
        sent_at = time.time()
        self._count_due("reads", at)
        restaurant = restaurants.draw_restaurant(self._rng)
        is_kept = self._sent % KEPT_EVERY == 0
        request = _menu_request(restaurant) if is_kept else _request(restaurant, self._rng.randrange(20))

        def on_response(status: int, head: bytes, body: bytes) -> None:
            now = time.time()
            self._answered += 1
            second = self._tally.of("reads", at)
            second.statuses[status] = second.statuses.get(status, 0) + 1
            if status not in READ:
                self.failed.append((restaurant, status))
                return
            count(second.served, now - self._begin_at - at)
            as_of = _as_of(body[-80:])
            if as_of is not None:
                count(second.stale, now - as_of)
            if is_kept:
                read = MenuRead.from_page(restaurant, int(sent_at * 1000), int(now * 1000) + 1, body)
                self.reads.append(read)

        self._pool.send(request, on_response)


@cache
def _request(restaurant: str, draw: int) -> bytes:
    """Return the request of one of twenty readers."""
    if draw == 0:
        return _get("/v1/restaurants?promo=true")
    if draw == 1:
        return _get(f"/catalogo?restaurant_id={restaurant}")
    if draw in (2, 3):
        return _get(f"/v1/restaurants/{restaurant}/menu?promo=true")
    return _menu_request(restaurant)


@cache
def _menu_request(restaurant: str) -> bytes:
    return _get(f"/v1/restaurants/{restaurant}/menu")


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: promo\r\nAccept: application/json\r\n\r\n".encode()


@lru_cache(maxsize=1024)
def _as_of(end: bytes) -> float | None:
    """Return the as_of in the last bytes of a body, in seconds since 1970; None if there is none."""
    _, found, rest = end.partition(b'"as_of":"')
    return datetime.fromisoformat(rest.partition(b'"')[0].decode()).timestamp() if found else None
