"""Pages that stay open: customers follow their orders, restaurants watch their boards; cut off, they resume."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp
from msgspec import Struct, field

from tests.checker.observations import Followed, Watched
from tests.support.live.boards import BoardClient
from tests.support.live.sse import Reader

#: Share of the orders that live on that are followed, and how many are at once.
SHARE = 0.3
MOST = 150
#: How long a page waits for news before it asks anew, and how soon one that was cut off comes back, in seconds at most.
SILENCE = 30.0
PAUSE = 0.5
FINAL = {"delivered", "cancelled"}
LOST = (aiohttp.ClientError, TimeoutError, OSError, RuntimeError)


class Page(Struct):
    """One order, as it was told."""

    order: dict[str, Any]
    events: list[tuple[str, str]] = field(default_factory=list)  # id, status

    def is_over(self) -> bool:
        """Say whether there is nothing more to be told."""
        return bool(self.events) and self.events[-1][1] in FINAL


class Followers:
    """Follow a share of the orders and some boards, each on connections of their own."""

    def __init__(self, session: aiohttp.ClientSession, url: str, seed: int, share: float) -> None:
        self.connections = 0
        self._session = session
        self._url = url
        self._share = share
        self._rng = random.Random(f"{seed}/followers")
        self._pages: list[Page] = []
        self._boards: dict[str, BoardClient] = {}
        self._open: list[asyncio.Task[None]] = []

    def follow(self, order: dict[str, Any]) -> None:
        """Open the page of a confirmed order, for some of them."""
        going = sum(not task.done() for task in self._open)
        if self._rng.random() < self._share and going < MOST:
            self._pages.append(page := Page(order))
            self._open.append(asyncio.create_task(self._insist(lambda: self._read(page), page.is_over)))

    def watch(self, restaurant: str, token: str) -> None:
        """Open a restaurant's board."""
        self._boards[restaurant] = board = BoardClient()
        reading = self._insist(lambda: self._listen(restaurant, token, board), lambda: False)
        self._open.append(asyncio.create_task(reading))

    async def close(self) -> tuple[list[Followed], list[Watched]]:
        """Close all; return what each was told."""
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        return (
            [Followed(page.order["order_id"], page.events) for page in self._pages],
            [
                Watched(restaurant, {order_id: row["status"] for order_id, row in board.orders.items()})
                for restaurant, board in self._boards.items()
            ],
        )

    async def _insist(self, read: Callable[[], Awaitable[None]], is_over: Callable[[], bool]) -> None:
        while not is_over():
            with suppress(*LOST):
                await read()
            await asyncio.sleep(self._rng.uniform(0.0, PAUSE))

    async def _read(self, page: Page) -> None:
        headers = {"Authorization": f"Bearer {page.order['token']}"}
        if page.events:
            headers["Last-Event-ID"] = page.events[-1][0]
        whole = aiohttp.ClientTimeout(total=None)
        address = self._url + page.order["events_url"]
        async with self._session.get(address, headers=headers, timeout=whole) as response:
            if response.status == 200:
                self.connections += 1
                reader = Reader(response)
                while (event := await reader.next(SILENCE)) is not None:
                    page.events.append((event.id, event.data["status"]))

    async def _listen(self, restaurant: str, token: str, board: BoardClient) -> None:
        address = f"{self._url}/v1/restaurants/{restaurant}/feed"
        async with self._session.ws_connect(
            address, protocols=("promo.feed.v1",), heartbeat=SILENCE / 2
        ) as socket:
            self.connections += 1
            await socket.send_json({"type": "auth", "token": token, "after": board.sequence})
            async for message in socket:
                if message.type == aiohttp.WSMsgType.TEXT:
                    board.apply(message.data)
