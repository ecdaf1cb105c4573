"""Orders and boards followed live, while ingress processes are killed: checked by ids."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import aiohttp

from tests.e2e.customers import Kitchen
from tests.e2e.stack import Stack
from tests.support.live.boards import BoardClient
from tests.support.live.sse import Reader
from tests.support.waiting import eventually

LIFE = ["pending", "received", "preparing", "out_for_delivery", "delivered"]
FOLLOWERS = 8


class Follower:
    """A customer's page: follows an order, and resumes after a disconnect."""

    def __init__(self, url: str, order: dict[str, Any]) -> None:
        self._address = url + order["events_url"]
        self._token = order["token"]
        self.events: list[tuple[str, str]] = []
        self.connections = 0

    async def follow(self) -> None:
        async with aiohttp.ClientSession() as session:
            while not self.events or self.events[-1][1] != "delivered":
                headers = {"Authorization": f"Bearer {self._token}"}
                if self.events:
                    headers["Last-Event-ID"] = self.events[-1][0]
                with suppress(aiohttp.ClientError, RuntimeError):
                    async with session.get(self._address, headers=headers) as response:
                        if response.status == 200:
                            self.connections += 1
                            reader = Reader(response)
                            while (event := await reader.next(30)) is not None:
                                self.events.append((event.id, event.data["status"]))
                await asyncio.sleep(0.05)


async def watch(url: str, restaurant: str, token: str, client: BoardClient) -> None:
    """Follow a board as a restaurant's page does: it resumes after a disconnect."""
    async with aiohttp.ClientSession() as session:
        while True:
            with suppress(aiohttp.ClientError):
                address = f"{url}/v1/restaurants/{restaurant}/feed"
                async with session.ws_connect(address, protocols=("promo.feed.v1",)) as socket:
                    await socket.send_json({"type": "auth", "token": token, "after": client.sequence})
                    async for message in socket:
                        client.apply(message.data)
            await asyncio.sleep(0.05)


async def test_killed_ingress_loses_no_event_and_no_row(kitchen: Kitchen, stack: Stack) -> None:
    """Contract: Last-Event-ID is valid at any ingress process. No event id is missing after a kill."""
    restaurant = await kitchen.open(coxinha=20)
    placed = await kitchen.order_until_decided(restaurant, "k1", ("coxinha", 2))
    order = json.loads(placed.body)
    board = BoardClient()
    followers = [Follower(stack.url, order) for _ in range(FOLLOWERS)]
    following = asyncio.gather(*(follower.follow() for follower in followers))
    watching = asyncio.ensure_future(watch(stack.url, restaurant, kitchen.token(restaurant), board))
    try:
        await eventually(lambda: all(len(f.events) == 2 for f in followers) and board.orders)
        killed = await asyncio.to_thread(stack.kill, "ingress")
        for status in LIFE[2:]:
            await _advance(kitchen, order, status)
        async with asyncio.timeout(30):
            await following
        for follower in followers:
            assert follower.events == [(str(n + 1), status) for n, status in enumerate(LIFE)]
        assert sum(follower.connections for follower in followers) > FOLLOWERS, "the kill was noticed"
        await eventually(lambda: board.orders[order["order_id"]]["status"] == "delivered")
        assert board.portions["coxinha"]["sold"] == 2 and board.portions["coxinha"]["available"] == 18
        await asyncio.to_thread(stack.wait_for_new, "ingress", killed)
    finally:
        watching.cancel()
        following.cancel()


async def _advance(kitchen: Kitchen, order: dict[str, Any], status: str) -> None:
    async with asyncio.timeout(20):
        while True:
            with suppress(aiohttp.ClientError):
                assert (await kitchen.advance(order, status)).status == 200
                return
            await asyncio.sleep(0.1)
