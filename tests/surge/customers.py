"""Customers that order: once, some twice at once; the same key again, with full jitter, within a budget, until they are told."""

import asyncio
import json
import random
import time
from collections.abc import Iterator

from msgspec import Struct

from tests.checker.observations import Call
from tests.checker.service import NOT_YET
from tests.surge import shop
from tests.surge.tally import DECIDED, Tally, count
from tests.surge.wire import Pool, header

#: Share of the customers that send their order twice.
DUPLICATES = 0.05
#: Seconds between the two, at most.
APART = 0.2
#: Seconds that a customer goes on asking.
PATIENCE = 40.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
#: Retries in all, as a share of the orders: a slow part is not hit harder.
RETRIES = 0.5
#: Retries that may be saved up.
SAVED = 50.0


class Asked(Struct, frozen=True):
    """One attempt: when, for how long, and what the checker is told of it."""

    at: float
    seconds: float
    call: Call


class Customers:
    """Order at the times given, whatever becomes of those before."""

    def __init__(self, pool: Pool, tally: Tally, rng: random.Random, begin_at: float, name: str) -> None:
        """Take the window's second 0, and a name that makes keys unique."""
        self.asked: list[Asked] = []
        self._pool = pool
        self._tally = tally
        self._rng = rng
        self._begin_at = begin_at
        self._name = name
        self._budget = SAVED
        self._number = 0

    async def run(self, arrivals: Iterator[float]) -> None:
        """Return when all have been told, or have given up."""
        async with asyncio.TaskGroup() as group:
            for at in arrivals:
                await asyncio.sleep(max(0.0, self._begin_at + at - time.time()))
                group.create_task(self._come(at))

    async def _come(self, at: float) -> None:
        self._number += 1
        self._budget = min(SAVED, self._budget + RETRIES)
        key = f"{self._name}-{self._number}"
        where, lines, body = shop.wish(self._rng)
        request = post(key, body)
        second = self._tally.of("orders", at)
        second.due += 1
        count(second.late, time.time() - self._begin_at - at)
        twice = self._rng.random() < DUPLICATES
        again = asyncio.ensure_future(self._repeat(at, where, key, lines, request)) if twice else None
        status = await self._until_told(at, where, key, lines, request)
        second = self._tally.of("orders", at)
        if status in DECIDED:
            seconds = time.time() - self._begin_at - at
            count(second.served, seconds)
            if status == 201:
                count(second.accepted, seconds)
        else:
            second.gave_up += 1
        if again is not None:
            await again

    async def _repeat(
        self, at: float, where: str, key: str, lines: list[tuple[str, int]], request: bytes
    ) -> None:
        await asyncio.sleep(self._rng.uniform(0.0, APART))
        await self._until_told(at, where, key, lines, request)

    async def _until_told(
        self, at: float, where: str, key: str, lines: list[tuple[str, int]], request: bytes
    ) -> int:
        deadline = time.monotonic() + PATIENCE
        pause = FIRST_PAUSE
        while True:
            status, head = await self._ask(at, where, key, lines, request)
            if status not in NOT_YET or time.monotonic() > deadline:
                return status
            told = float(header(head, b"retry-after") or 0)
            await asyncio.sleep(told + self._rng.uniform(0.0, pause))
            while self._budget < 1.0 and time.monotonic() < deadline:
                await asyncio.sleep(self._rng.uniform(0.1, 0.5))
            self._budget -= 1.0
            pause = min(LONGEST_PAUSE, 2 * pause)

    async def _ask(
        self, at: float, where: str, key: str, lines: list[tuple[str, int]], request: bytes
    ) -> tuple[int, bytes]:
        asked_at = time.time()
        status, head, body = await self._pool.ask(request)
        statuses = self._tally.of("orders", at).statuses
        statuses[status] = statuses.get(status, 0) + 1
        order_id = json.loads(body).get("order_id") if status in DECIDED | {202} else None
        replayed = header(head, b"idempotency-replayed") == "true"
        call = Call(where, key, lines, status, body, replayed, order_id)
        self.asked.append(Asked(asked_at, time.time() - asked_at, call))
        return status, head


def post(key: str, body: bytes) -> bytes:
    """Return the request of an order as it is sent."""
    head = (
        f"POST /v1/orders HTTP/1.1\r\nHost: promo\r\nAccept-Language: en\r\nIdempotency-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
