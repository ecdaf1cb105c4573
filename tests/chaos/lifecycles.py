"""The life of confirmed orders: restaurants advance them, customers cancel them."""

import asyncio
import random

import aiohttp

from tests.chaos.order_readers import OrderReaders

#: Seconds between two steps, at most.
MAX_PAUSE_SECONDS = 3.0
#: Share of the steps before which the customer cancels.
CANCELLED_SHARE = 0.3
MAX_ATTEMPTS = 8
STEPS = ("preparing", "out_for_delivery", "delivered")


class OrderLifecycles:
    """Advances and cancels orders over HTTP with their tokens, and retries a limited number of times."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        tokens: dict[str, str],
        readers: OrderReaders,
        seed: int,
    ) -> None:
        self.requests = 0
        self._session = session
        self._url = url
        self._tokens = tokens  # by restaurant
        self._readers = readers
        self._rng = random.Random(f"{seed}/lifecycles")

    async def run(self, restaurant: str, order: dict[str, str]) -> None:
        """Advance one order by a random number of steps."""
        for step in STEPS[: self._rng.randrange(len(STEPS) + 1)]:
            await asyncio.sleep(self._rng.uniform(0.1, MAX_PAUSE_SECONDS))
            if self._rng.random() < CANCELLED_SHARE:
                await self._change(restaurant, order, "cancel", order["token"], {})
            await self._change(restaurant, order, "status", self._tokens[restaurant], {"status": step})

    async def _change(
        self, restaurant: str, order: dict[str, str], action: str, token: str, body: dict[str, str]
    ) -> None:
        """Cancel or advance the order; after an answer with a status, read it."""
        answered = await self._post(order, action, token, body)
        if answered:
            await self._readers.read_after(restaurant, order, answered)

    async def _post(self, order: dict[str, str], action: str, token: str, body: dict[str, str]) -> str:
        """Return the status in the response; empty without one."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"{action}-{order['order_id']}"}
        url = f"{self._url}/v1/orders/{order['order_id']}/{action}"
        for attempt in range(MAX_ATTEMPTS):
            self.requests += 1
            try:
                async with self._session.post(url, json=body, headers=headers) as response:
                    if response.status not in (202, 429, 503):
                        return str((await response.json())["status"]) if response.status == 200 else ""
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            await asyncio.sleep(self._rng.uniform(0.0, min(2.0, 0.1 * 2**attempt)))
        return ""
