"""Clients that stay connected: customers follow their orders, restaurants their boards; they resume after a cut."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp
from msgspec import Struct, field

from tests.checker.live import FINAL
from tests.checker.observations import FollowedOrder, WatchedBoard
from tests.support.live.boards import BoardClient
from tests.support.live.sse import Reader

#: Share of the advanced orders that are followed.
FOLLOWED_SHARE = 0.3
MAX_FOLLOWED = 150
#: A client reconnects after this many seconds without an event.
SILENCE_TIMEOUT_SECONDS = 30.0
#: Longest pause before a client reconnects.
MAX_RECONNECT_SECONDS = 0.5
CONNECTION_LOST = (aiohttp.ClientError, TimeoutError, OSError, RuntimeError)


class FollowedPage(Struct):
    """The page of one order, with the events that it received."""

    order: dict[str, Any]
    events: list[tuple[str, str]] = field(default_factory=list)  # id, status

    def is_over(self) -> bool:
        """Return True if the last status is final."""
        return bool(self.events) and self.events[-1][1] in FINAL


class Followers:
    """Followers of a share of the orders and of some boards, each with its own connections."""

    def __init__(self, session: aiohttp.ClientSession, url: str, seed: int, share: float) -> None:
        self.connections = 0
        self._session = session
        self._url = url
        self._share = share
        self._rng = random.Random(f"{seed}/followers")
        self._pages: list[FollowedPage] = []
        self._boards: dict[str, BoardClient] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def follow_order(self, order: dict[str, Any]) -> None:
        """Follow this confirmed order, if it belongs to the share and fewer than MAX_FOLLOWED are followed."""
        open_pages = sum(not task.done() for task in self._tasks)
        if self._rng.random() < self._share and open_pages < MAX_FOLLOWED:
            self._pages.append(page := FollowedPage(order))
            read = self._reconnect_until(lambda: self._read_events(page), page.is_over)
            self._tasks.append(asyncio.create_task(read))

    def watch_board(self, restaurant: str, token: str) -> None:
        """Open a restaurant's board."""
        self._boards[restaurant] = board = BoardClient()
        read = self._reconnect_until(lambda: self._read_feed(restaurant, token, board), lambda: False)
        self._tasks.append(asyncio.create_task(read))

    async def close(self) -> tuple[list[FollowedOrder], list[WatchedBoard]]:
        """Close all connections; return the events and boards that the clients received."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return (
            [FollowedOrder(page.order["order_id"], page.events) for page in self._pages],
            [
                WatchedBoard(restaurant, {order_id: row["status"] for order_id, row in board.orders.items()})
                for restaurant, board in self._boards.items()
            ],
        )

    async def _reconnect_until(
        self, read: Callable[[], Awaitable[None]], is_over: Callable[[], bool]
    ) -> None:
        while not is_over():
            with suppress(*CONNECTION_LOST):
                await read()
            await asyncio.sleep(self._rng.uniform(0.0, MAX_RECONNECT_SECONDS))

    async def _read_events(self, page: FollowedPage) -> None:
        headers = {"Authorization": f"Bearer {page.order['token']}"}
        if page.events:
            headers["Last-Event-ID"] = page.events[-1][0]
        unlimited = aiohttp.ClientTimeout(total=None)
        address = self._url + page.order["events_url"]
        async with self._session.get(address, headers=headers, timeout=unlimited) as response:
            if response.status == 200:
                self.connections += 1
                reader = Reader(response)
                while (event := await reader.next(SILENCE_TIMEOUT_SECONDS)) is not None:
                    page.events.append((event.id, event.data["status"]))

    async def _read_feed(self, restaurant: str, token: str, board: BoardClient) -> None:
        address = f"{self._url}/v1/restaurants/{restaurant}/feed"
        async with self._session.ws_connect(
            address, protocols=("promo.feed.v1",), heartbeat=SILENCE_TIMEOUT_SECONDS / 2
        ) as socket:
            self.connections += 1
            await socket.send_json({"type": "auth", "token": token, "after": board.sequence})
            async for message in socket:
                if message.type == aiohttp.WSMsgType.TEXT:
                    board.apply(message.data)
