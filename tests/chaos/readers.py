"""Customers that read menus."""

import asyncio
import random
import time

import aiohttp

from tests.chaos.restaurants import RESTAURANTS
from tests.checker.observations import MenuRead


class MenuReaders:
    """Read menus at a mean rate, and record each read for the checker."""

    def __init__(self, session: aiohttp.ClientSession, url: str, seed: int, rate: float) -> None:
        self.reads: list[MenuRead] = []
        self.failed: list[tuple[str, int]] = []  # restaurant and status
        self.seconds: list[float] = []
        self._session = session
        self._url = url
        self._rng = random.Random(f"{seed}/readers")
        self._rate = rate

    async def run(self) -> None:
        """Read until cancelled; a read does not wait for those before it."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self.read(self._rng.choice(RESTAURANTS)))
                await asyncio.sleep(self._rng.expovariate(self._rate))

    async def wait_until_as_of(self, instant: int) -> None:
        """Return once every menu holds all decisions up to this instant (milliseconds since 1970)."""
        behind = set(RESTAURANTS)
        while behind:
            for restaurant in sorted(behind):
                read = await self.read(restaurant)
                if read is not None and read.as_of > instant and not read.degraded:
                    behind.discard(restaurant)
            await asyncio.sleep(0.2)

    async def read(self, restaurant: str) -> MenuRead | None:
        """Read one menu; None if there is no response, or its status is not 200."""
        asked_at = time.time_ns() // 1_000_000
        try:
            async with self._session.get(f"{self._url}/v1/restaurants/{restaurant}/menu") as response:
                body = await response.read()
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            status, body = 0, b""
        if status != 200:
            self.failed.append((restaurant, status))
            return None
        answered_at = time.time_ns() // 1_000_000
        self.seconds.append((answered_at - asked_at) / 1000)
        read = MenuRead.from_page(restaurant, asked_at, answered_at, body)
        self.reads.append(read)
        return read
