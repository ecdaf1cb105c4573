"""Customers that ask once and take no for an answer: what is offered under pressure is then what was meant.

As cheap as can be: what they take of the machine is not there for what is measured.
"""

import asyncio
import random
import time
from collections.abc import Iterator

from tests.surge import shop
from tests.surge.customers import post
from tests.surge.tally import DECIDED, Tally, count
from tests.surge.wire import Pool

#: Orders that differ; who comes wants one of these, under a key of his own.
WISHES = 1000
#: Who is due within so many seconds is sent together.
TOGETHER = 0.002
_KEY = "key-of-nobody"


class PassersBy:
    """Order at the times given, whatever becomes of those before."""

    def __init__(self, pool: Pool, tally: Tally, rng: random.Random, begin_at: float, name: str) -> None:
        """Take the window's second 0, and a name that makes keys unique."""
        self._pool = pool
        self._tally = tally
        self._rng = rng
        self._begin_at = begin_at
        self._name = name
        self._under_way = 0
        self._told = asyncio.Event()
        wishes = (shop.wish(rng)[2] for _ in range(WISHES))
        self._requests = [post(_KEY, body).split(_KEY.encode()) for body in wishes]

    async def run(self, arrivals: Iterator[float]) -> None:
        """Return when all have been told."""
        for number, at in enumerate(arrivals):
            ahead = self._begin_at + at - time.time()
            if ahead > 0:
                await asyncio.sleep(max(TOGETHER, ahead))
            elif number % 50 == 0:  # late: answers have their turn all the same
                await asyncio.sleep(0)
            self._come(number, at)
        while self._under_way:
            self._told.clear()
            await self._told.wait()

    def _come(self, number: int, at: float) -> None:
        before, after = self._requests[int(self._rng.random() * WISHES)]
        due = self._begin_at + at
        second = self._tally.of("orders", at)
        second.due += 1
        count(second.late, time.time() - due)
        self._under_way += 1

        def told(status: int, head: bytes, body: bytes) -> None:
            self._under_way -= 1
            self._told.set()
            second = self._tally.of("orders", at)
            second.statuses[status] = second.statuses.get(status, 0) + 1
            if status in DECIDED:
                seconds = time.time() - due
                count(second.served, seconds)
                if status == 201:
                    count(second.accepted, seconds)
            else:
                second.gave_up += 1

        self._pool.send(b"%b%b-%d%b" % (before, self._name.encode(), number, after), told)
