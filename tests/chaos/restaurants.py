"""The restaurants of the campaign, and the portions that are added and taken away while it lasts."""

import asyncio
import random
import time
from datetime import UTC, datetime
from typing import Any

import aiohttp

from tests.checker.observations import Put
from tests.e2e.stack import ADMIN

RESTAURANTS = [f"cantina-{number}" for number in range(12)]
#: The restaurant of the fault "hot restaurant".
HOT = RESTAURANTS[0]
SKUS = ["coxinha", "pastel", "agua", "combo"]
UNLIMITED = "agua"
PROMOTED = "combo"
LIMIT_PER_CUSTOMER = 3
PRICE = 1000
PROMO_PRICE = 500
PROMOTION_SECONDS = 6 * 3600
#: Longer than any campaign: orders that are not advanced would be cancelled while the topics are read.
PREPARATION_TIMEOUT_SECONDS = 6 * 3600

FIRST_PORTIONS = 60
#: Portions that one change adds, at least and at most.
ADDED_PORTIONS = (30, 120)
#: Share of the changes before which the item runs out.
RUN_OUT_SHARE = 0.2
#: Share of the changes that delete an item or a promotion, and put it again.
DELETED_SHARE = 0.1


class Restaurants:
    """Creates and changes the catalogue, as the administrator."""

    def __init__(self, session: aiohttp.ClientSession, url: str, rng: random.Random) -> None:
        self._session = session
        self._url = url
        self._rng = rng
        self._portions: dict[tuple[str, str], int] = {}
        self._promoted: dict[str, int] = {}
        self.tokens: dict[str, str] = {}  # by restaurant
        self.puts: list[Put] = []
        self._created_at = time.time()

    async def create_all(self) -> None:
        """Create the restaurants with their menus, and one promotion each."""
        await asyncio.gather(*(self._create(restaurant) for restaurant in RESTAURANTS))

    async def restock(self, interval: float) -> None:
        """Add portions to an item or a promotion about every `interval` seconds, until cancelled.

        Now and then an item runs out first: no order and no cancellation may sell it then.
        """
        while True:
            await asyncio.sleep(interval * self._rng.uniform(0.5, 1.5))
            restaurant = self._rng.choice(RESTAURANTS) if self._rng.random() < 0.8 else HOT
            if self._rng.random() < DELETED_SHARE:
                await self._delete_and_put(restaurant, interval)
                continue
            if self._rng.random() < 0.2:
                self._promoted[restaurant] += self._rng.randint(*ADDED_PORTIONS)
                of_item = max(self._portions[(restaurant, PROMOTED)], self._promoted[restaurant])
                self._portions[(restaurant, PROMOTED)] = of_item
                await self._put_item(restaurant, PROMOTED)
                await self._put_promotion(restaurant)
            else:
                sku = self._rng.choice([sku for sku in SKUS if sku != UNLIMITED])
                if self._rng.random() < RUN_OUT_SHARE:
                    await self._put_item(restaurant, sku, run_out=True)
                    await asyncio.sleep(interval)
                self._portions[(restaurant, sku)] += self._rng.randint(*ADDED_PORTIONS)
                await self._put_item(restaurant, sku)

    async def _delete_and_put(self, restaurant: str, interval: float) -> None:
        """Delete an item for a while, so that its orders outlive it, or a promotion."""
        path = f"/v1/restaurants/{restaurant}"
        if self._rng.random() < 0.5:
            await self._delete(f"{path}/promotions/relampago")
            await self._put_promotion(restaurant)
            return
        sku = self._rng.choice([sku for sku in SKUS if sku not in (UNLIMITED, PROMOTED)])
        await self._delete(f"{path}/menu/{sku}")
        await asyncio.sleep(interval)
        self._portions[(restaurant, sku)] = FIRST_PORTIONS
        await self._put_item(restaurant, sku)

    async def _create(self, restaurant: str) -> None:
        profile = {
            "name": restaurant,
            "kitchen_capacity": 50,
            "preparation_timeout_seconds": PREPARATION_TIMEOUT_SECONDS,
        }
        self.tokens[restaurant] = (await self._put(f"/v1/restaurants/{restaurant}", profile))["token"]
        for sku in SKUS:
            self._portions[(restaurant, sku)] = FIRST_PORTIONS
            await self._put_item(restaurant, sku)
        self._promoted[restaurant] = FIRST_PORTIONS // 2
        await self._put_promotion(restaurant)

    async def _put_item(self, restaurant: str, sku: str, run_out: bool = False) -> None:
        portions = None if sku == UNLIMITED else 0 if run_out else self._portions[(restaurant, sku)]
        price = {"amount": PRICE, "currency": "BRL"}
        body = {"name": sku, "category": "geral", "price": price, "portions": portions}
        answered = await self._put(f"/v1/restaurants/{restaurant}/menu/{sku}", body)
        self.puts.append(Put(restaurant, sku, "", portions, answered.get("version", 0)))

    async def _put_promotion(self, restaurant: str) -> None:
        item = {
            "sku": PROMOTED,
            "promo_price": {"amount": PROMO_PRICE, "currency": "BRL"},
            "portions": self._promoted[restaurant],
            "per_customer_limit": LIMIT_PER_CUSTOMER,
        }
        window = {"starts_at": self._instant(-60), "ends_at": self._instant(PROMOTION_SECONDS)}
        await self._put(f"/v1/restaurants/{restaurant}/promotions/relampago", {**window, "items": [item]})

    def _instant(self, seconds: float) -> str:
        return datetime.fromtimestamp(self._created_at + seconds, UTC).isoformat()

    async def _delete(self, path: str) -> None:
        """Repeat a DELETE until it is done; the second finds nothing to delete."""
        headers = {"Authorization": f"Bearer {ADMIN}"}
        while True:
            try:
                async with self._session.delete(self._url + path, headers=headers) as response:
                    if response.status in (204, 404, 409):  # 409: with buckets
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(self._rng.uniform(0.1, 1.0))

    async def _put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Repeat a PUT, which is idempotent, until it succeeds; return the response body."""
        headers = {"Authorization": f"Bearer {ADMIN}"}
        while True:
            try:
                async with self._session.put(self._url + path, json=body, headers=headers) as response:
                    if response.status in (200, 201):
                        return dict(await response.json())
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(self._rng.uniform(0.1, 1.0))
