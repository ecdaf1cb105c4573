"""A client of a restaurant's feed, which applies messages to its board as the web page does."""

import asyncio
import json
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

PATH = "/v1/restaurants/r1/feed"


class BoardClient:
    """The board that a page shows."""

    def __init__(self) -> None:
        self.name = ""
        self.sequence: str | None = None
        self.orders: dict[str, dict[str, Any]] = {}
        self.portions: dict[str, dict[str, Any]] = {}
        self.stats: dict[str, Any] = {}
        self.degraded: bool | None = None
        self.snapshots = 0
        self.sequences: list[int] = []

    def apply(self, raw: str | bytes) -> str:
        """Apply one message; return its type."""
        message = json.loads(raw)
        if message["type"] == "snapshot":
            dashboard = message["dashboard"]
            self.snapshots += 1
            self.name, self.stats = dashboard["name"], dashboard["stats"]
            self.orders = {order["order_id"]: order for order in dashboard["orders"]}
            self.portions = {row["sku"]: row for row in dashboard["portions"]}
            self.degraded, self.sequences = dashboard["degraded"], []
        elif message["type"] == "change":
            if "order" in message:
                self.orders[message["order"]["order_id"]] = message["order"]
            self.portions |= {row["sku"]: row for row in message.get("portions", [])}
            self.stats = message.get("stats", self.stats)
        else:
            self.degraded = message["degraded"]
        if "sequence" in message:
            self.sequence = message["sequence"]
            self.sequences.append(int(message["sequence"].rpartition("-")[2]))
            assert self.sequences == sorted(self.sequences), "numbers never go back"
        return str(message["type"])

    def shows(self, dashboard: dict[str, Any]) -> bool:
        """Return True if it shows the content of a dashboard; ages are not compared."""
        orders = {order["order_id"]: order for order in dashboard["orders"]}
        portions = {row["sku"]: row for row in dashboard["portions"]}
        return (self.orders, self.portions, self.stats) == (orders, portions, dashboard["stats"])


async def listen(
    socket: ClientWebSocketResponse, client: BoardClient, until: Any, seconds: float = 5.0
) -> None:
    """Apply messages until a condition holds."""
    async with asyncio.timeout(seconds):
        while not until():
            message = await socket.receive()
            assert message.type == WSMsgType.TEXT, message
            client.apply(message.data)


async def closed(socket: ClientWebSocketResponse, seconds: float = 5.0) -> int | None:
    """Read to the end; return the close code."""
    async with asyncio.timeout(seconds):
        async for _ in socket:
            pass
    return socket.close_code


def connect(session: ClientSession, *protocols: str, **more: Any) -> Any:
    """Open the feed with these subprotocols."""
    return session.ws_connect(more.pop("path", PATH), protocols=("promo.feed.v1", *protocols), **more)
