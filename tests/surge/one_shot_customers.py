"""Customers that ask once and accept a rejection, so that the offered load is exactly the intended one.

They use as little CPU as possible, because the measured system runs on the same machine.
"""

import asyncio
import random
import time
from collections.abc import Iterator

from tests.surge import restaurants
from tests.surge.customers import bearer, encode_request
from tests.surge.http_client import ConnectionPool
from tests.surge.load_client import LoadClient
from tests.surge.tally import Tally

#: Different orders; each customer sends one of them, under a key of its own.
BODIES = 1000
#: Requests that are due within this many seconds are sent together.
GRAIN_SECONDS = 0.002
_PLACEHOLDER = "placeholder-key"


class OneShotCustomers(LoadClient):
    """Customers that order once at given times."""

    def __init__(
        self,
        pool: ConnectionPool,
        tally: Tally,
        rng: random.Random,
        begin_at: float,
        name: str,
        tokens: list[str],
    ) -> None:
        super().__init__(pool, tally, rng, begin_at, name)
        self._in_flight = 0
        self._answered = asyncio.Event()
        bodies = (restaurants.draw_order(rng)[2] for _ in range(BODIES))
        requests = (encode_request(_PLACEHOLDER, body, bearer(rng.choice(tokens))) for body in bodies)
        self._requests = [request.split(_PLACEHOLDER.encode()) for request in requests]

    async def run(self, arrivals: Iterator[float]) -> None:
        """Return when all requests have a response."""
        for number, at in enumerate(arrivals):
            ahead = self._begin_at + at - time.time()
            if ahead > 0:
                await asyncio.sleep(max(GRAIN_SECONDS, ahead))
            elif number % 50 == 0:  # late: read responses all the same
                await asyncio.sleep(0)
            self._send(number, at)
        while self._in_flight:
            self._answered.clear()
            await self._answered.wait()

    def _send(self, number: int, at: float) -> None:
        before, after = self._requests[int(self._rng.random() * BODIES)]
        due = self._begin_at + at
        self._count_due("orders", at)
        self._in_flight += 1

        def on_response(status: int, head: bytes, body: bytes) -> None:
            self._in_flight -= 1
            self._answered.set()
            second = self._tally.of("orders", at)
            second.statuses[status] = second.statuses.get(status, 0) + 1
            second.count_final(status, time.time() - due)

        self._pool.send(b"%b%b-%d%b" % (before, self._name.encode(), number, after), on_response)
