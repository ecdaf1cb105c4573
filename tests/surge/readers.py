"""Customers that look: menus, mostly, at the moments that the profile says."""

import asyncio
import json
import random
import time
from collections.abc import Iterator
from datetime import datetime
from functools import cache, lru_cache

from tests.checker.observations import Read
from tests.surge import shop
from tests.surge.tally import READ, Tally, count
from tests.surge.wire import Pool

#: Every so manieth page is kept whole for the checker.
KEPT = 50
#: Requests that are due within this many seconds are sent together.
GRAIN = 0.001


class Readers:
    """Ask at the times given, whatever becomes of those before."""

    def __init__(self, pool: Pool, tally: Tally, rng: random.Random, begin_at: float) -> None:
        """Take the second that is the window's 0, of time.time()."""
        self.reads: list[Read] = []
        self.unread: list[tuple[str, int]] = []
        self._pool = pool
        self._tally = tally
        self._rng = rng
        self._begin_at = begin_at
        self._asked = 0
        self._answered = 0

    async def run(self, arrivals: Iterator[float]) -> None:
        """Return when all have been answered."""
        for at in arrivals:
            ahead = self._begin_at + at - time.time()
            if ahead > GRAIN:
                await asyncio.sleep(ahead)
            self._look(at)
            if self._asked % 64 == 0:
                await asyncio.sleep(0)  # a generator that is behind still hears answers
        while self._answered < self._asked:
            await asyncio.sleep(0.05)

    def _look(self, at: float) -> None:
        self._asked += 1
        asked_at = time.time()
        second = self._tally.of("reads", at)
        second.due += 1
        count(second.late, asked_at - self._begin_at - at)
        where = shop.restaurant(self._rng)
        kept = self._asked % KEPT == 0
        request = b"" if kept else _request(where, self._rng.randrange(20))

        def done(status: int, head: bytes, body: bytes) -> None:
            now = time.time()
            self._answered += 1
            taken = self._tally.of("reads", at)
            taken.statuses[status] = taken.statuses.get(status, 0) + 1
            if status not in READ:
                self.unread.append((where, status))
                return
            count(taken.served, now - self._begin_at - at)
            as_of = _as_of(body[-80:])
            if as_of is not None:
                count(taken.stale, now - as_of)
            if kept:
                self._keep(where, asked_at, now, body)

        self._pool.send(request or _menu(where), done)

    def _keep(self, where: str, asked_at: float, answered_at: float, body: bytes) -> None:
        page = json.loads(body)
        self.reads.append(
            Read(
                where,
                int(asked_at * 1000),
                int(answered_at * 1000) + 1,
                round(datetime.fromisoformat(page["as_of"]).timestamp() * 1000),
                page["degraded"],
                {i["sku"]: (i["availability"]["state"], i["availability"]["count"]) for i in page["items"]},
            )
        )


@cache
def _request(where: str, draw: int) -> bytes:
    """Return what one of twenty readers asks."""
    if draw == 0:
        return _get("/v1/restaurants?promo=true")
    if draw == 1:
        return _get(f"/catalogo?restaurant_id={where}")
    if draw in (2, 3):
        return _get(f"/v1/restaurants/{where}/menu?promo=true")
    return _menu(where)


@cache
def _menu(where: str) -> bytes:
    return _get(f"/v1/restaurants/{where}/menu")


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: promo\r\nAccept: application/json\r\n\r\n".encode()


@lru_cache(maxsize=1024)
def _as_of(end: bytes) -> float | None:
    """Return when a page says that it is of, from its end; None where it does not say."""
    _, found, rest = end.partition(b'"as_of":"')
    return datetime.fromisoformat(rest.partition(b'"')[0].decode()).timestamp() if found else None
