"""Customers that look at menus."""

import asyncio
import json
import random
import time
from datetime import datetime

import aiohttp

from tests.chaos.shop import RESTAURANTS
from tests.checker.observations import Read


class Readers:
    """Read at a rate; remember what was read, and when."""

    def __init__(self, session: aiohttp.ClientSession, url: str, seed: int, rate: float) -> None:
        self.reads: list[Read] = []
        self.unread: list[tuple[str, int]] = []
        self.seconds: list[float] = []
        self._session = session
        self._url = url
        self._rng = random.Random(f"{seed}/readers")
        self._rate = rate

    async def read_on(self) -> None:
        """Read until cancelled, whatever becomes of those before."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self.read(self._rng.choice(RESTAURANTS)))
                await asyncio.sleep(self._rng.expovariate(self._rate))

    async def until_as_of(self, instant: int) -> None:
        """Return when every menu holds all that was asked before this (milliseconds since 1970)."""
        behind = set(RESTAURANTS)
        while behind:
            for restaurant in sorted(behind):
                read = await self.read(restaurant)
                if read is not None and read.as_of > instant and not read.degraded:
                    behind.discard(restaurant)
            await asyncio.sleep(0.2)

    async def read(self, restaurant: str) -> Read | None:
        """Read one page; None where there is no answer or another than 200."""
        asked_at = time.time_ns() // 1_000_000
        try:
            async with self._session.get(f"{self._url}/v1/restaurants/{restaurant}/menu") as answer:
                body = await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            status, body = 0, b""
        if status != 200:
            self.unread.append((restaurant, status))
            return None
        answered_at = time.time_ns() // 1_000_000
        self.seconds.append((answered_at - asked_at) / 1000)
        page = json.loads(body)
        read = Read(
            restaurant,
            asked_at,
            answered_at,
            round(datetime.fromisoformat(page["as_of"]).timestamp() * 1000),
            page["degraded"],
            {i["sku"]: (i["availability"]["state"], i["availability"]["count"]) for i in page["items"]},
        )
        self.reads.append(read)
        return read
