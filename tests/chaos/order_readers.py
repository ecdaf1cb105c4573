"""Clients that read an order right after an answer about it, and clients that order what is not on any menu."""

import asyncio
import json
import random
import time

import aiohttp
from msgspec import Struct

from tests.chaos.restaurants import RESTAURANTS
from tests.checker.observations import OrderRead
from tests.e2e.customers import order_body

#: Seconds between two orders of an unknown item.
REFUSED_INTERVAL_SECONDS = 1.0
UNKNOWN_SKU = "nada"
#: Reads of one refused order at the end, until one says something.
MAX_READS = 10


class _RefusedOrder(Struct, frozen=True):
    order_id: str
    token: str


class OrderReaders:
    """Reads orders over HTTP, and records each read for the checker."""

    def __init__(self, session: aiohttp.ClientSession, url: str, tokens: dict[str, str], seed: int) -> None:
        self.reads: list[OrderRead] = []
        self.refusal_reads: list[OrderRead] = []
        self._session = session
        self._url = url
        self._tokens = tokens  # by restaurant
        self._rng = random.Random(f"{seed}/order readers")
        self._refused: list[_RefusedOrder] = []

    async def read_after(self, restaurant: str, order: dict[str, str], answered: str) -> None:
        """Read an order that was just answered with a status, by the token of either party."""
        token = self._rng.choice([order["token"], self._tokens[restaurant]])
        self.reads.append(await self._read(order["order_id"], token, answered))

    async def order_unknown_items(self) -> None:
        """Order unknown items without waiting for the refusal, until cancelled; never repeat an order."""
        number = 0
        while True:
            number += 1
            await asyncio.sleep(self._rng.uniform(0.0, 2 * REFUSED_INTERVAL_SECONDS))
            body = order_body(self._rng.choice(RESTAURANTS), (UNKNOWN_SKU, 1), method="cash")
            headers = {"Idempotency-Key": f"refused-{number}", "Prefer": "respond-async"}
            try:
                async with self._session.post(f"{self._url}/v1/orders", json=body, headers=headers) as answer:
                    if answer.status == 202:
                        order = await answer.json()
                        self._refused.append(_RefusedOrder(order["order_id"], order["token"]))
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass

    async def read_refusals(self) -> None:
        """Read every order of an unknown item that was answered 202."""
        for refused in self._refused:
            for _ in range(MAX_READS):
                read = await self._read(refused.order_id, refused.token, "pending")
                if read.status == 200:
                    break
                await asyncio.sleep(0.5)
            self.refusal_reads.append(read)

    async def _read(self, order_id: str, token: str, answered: str) -> OrderRead:
        headers, started = {"Authorization": f"Bearer {token}"}, time.monotonic()
        status, body = 0, b""
        try:
            async with self._session.get(f"{self._url}/v1/orders/{order_id}", headers=headers) as response:
                body = await response.read()
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass
        shown = str(json.loads(body)["status"]) if status == 200 else ""
        return OrderRead(order_id, answered, status, shown, time.monotonic() - started)
