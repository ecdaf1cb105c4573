"""The restaurants of the campaign: what they offer, and more of it while the campaign lasts."""

import asyncio
import random
import time
from datetime import UTC, datetime
from typing import Any

import aiohttp

from tests.e2e.stack import ADMIN

RESTAURANTS = [f"cantina-{number}" for number in range(12)]
#: The one that is hot at times.
HOT = RESTAURANTS[0]
SKUS = ["coxinha", "pastel", "agua", "combo"]
UNLIMITED = "agua"
PROMOTED = "combo"
LIMIT_PER_CUSTOMER = 3
PRICE = 1000
PROMO_PRICE = 500
PROMOTION_SECONDS = 6 * 3600
#: Longer than any campaign: orders that nobody prepares would be cancelled and refunded while their story is read.
PREPARATION_SECONDS = 6 * 3600

FIRST_PORTIONS = 60
#: Portions that are added at a time.
MORE = (30, 120)


class Shop:
    """What is offered, and how it is changed, as the administrator."""

    def __init__(self, session: aiohttp.ClientSession, url: str, rng: random.Random) -> None:
        self._session = session
        self._url = url
        self._rng = rng
        self._portions: dict[tuple[str, str], int] = {}
        self._promoted: dict[str, int] = {}
        self.tokens: dict[str, str] = {}  # by restaurant
        self._opened_at = time.time()

    async def open(self) -> None:
        """Make the restaurants, their menus and a promotion each."""
        await asyncio.gather(*(self._open(restaurant) for restaurant in RESTAURANTS))

    async def restock(self, pause: float) -> None:
        """Offer more of something again and again, and a promotion with more portions now and then."""
        while True:
            await asyncio.sleep(pause * self._rng.uniform(0.5, 1.5))
            restaurant = self._rng.choice(RESTAURANTS) if self._rng.random() < 0.8 else HOT
            if self._rng.random() < 0.2:
                self._promoted[restaurant] += self._rng.randint(*MORE)
                await self._promote(restaurant)
            else:
                sku = self._rng.choice([sku for sku in SKUS if sku != UNLIMITED])
                self._portions[(restaurant, sku)] += self._rng.randint(*MORE)
                await self._put_item(restaurant, sku)

    async def _open(self, restaurant: str) -> None:
        profile = {
            "name": restaurant,
            "kitchen_capacity": 50,
            "preparation_timeout_seconds": PREPARATION_SECONDS,
        }
        self.tokens[restaurant] = (await self._put(f"/v1/restaurants/{restaurant}", profile))["token"]
        for sku in SKUS:
            self._portions[(restaurant, sku)] = FIRST_PORTIONS
            await self._put_item(restaurant, sku)
        self._promoted[restaurant] = FIRST_PORTIONS // 2
        await self._promote(restaurant)

    async def _put_item(self, restaurant: str, sku: str) -> None:
        portions = None if sku == UNLIMITED else self._portions[(restaurant, sku)]
        price = {"amount": PRICE, "currency": "BRL"}
        body = {"name": sku, "category": "geral", "price": price, "portions": portions}
        await self._put(f"/v1/restaurants/{restaurant}/menu/{sku}", body)

    async def _promote(self, restaurant: str) -> None:
        item = {
            "sku": PROMOTED,
            "promo_price": {"amount": PROMO_PRICE, "currency": "BRL"},
            "portions": self._promoted[restaurant],
            "per_customer_limit": LIMIT_PER_CUSTOMER,
        }
        window = {"starts_at": self._instant(-60), "ends_at": self._instant(PROMOTION_SECONDS)}
        await self._put(f"/v1/restaurants/{restaurant}/promotions/relampago", {**window, "items": [item]})

    def _instant(self, seconds: float) -> str:
        return datetime.fromtimestamp(self._opened_at + seconds, UTC).isoformat()

    async def _put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Say it until it is done, and return the answer; saying it twice changes nothing."""
        headers = {"Authorization": f"Bearer {ADMIN}"}
        while True:
            try:
                async with self._session.put(self._url + path, json=body, headers=headers) as answer:
                    if answer.status in (200, 201):
                        return dict(await answer.json())
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(self._rng.uniform(0.1, 1.0))
