"""What becomes of confirmed orders: restaurants move them on, customers take them back."""

import asyncio
import random

import aiohttp

#: Seconds between two steps, at most, and how often one of them is a cancellation.
PAUSE = 3.0
CANCELLED = 0.3
ATTEMPTS = 8
STEPS = ("preparing", "out_for_delivery", "delivered")


class Lives:
    """Moves orders on over HTTP, by their own tokens; what fails is tried again, within a limit."""

    def __init__(self, session: aiohttp.ClientSession, url: str, tokens: dict[str, str], seed: int) -> None:
        self.asked = 0
        self._session = session
        self._url = url
        self._tokens = tokens  # of the restaurants
        self._rng = random.Random(f"{seed}/lives")

    async def live_on(self, restaurant: str, order: dict[str, str]) -> None:
        """Take one order a few steps on."""
        for step in STEPS[: self._rng.randrange(len(STEPS) + 1)]:
            await asyncio.sleep(self._rng.uniform(0.1, PAUSE))
            if self._rng.random() < CANCELLED:
                await self._post(order, "cancel", order["token"], {})
            await self._post(order, "status", self._tokens[restaurant], {"status": step})

    async def _post(self, order: dict[str, str], action: str, token: str, body: dict[str, str]) -> None:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"{action}-{order['order_id']}"}
        url = f"{self._url}/v1/orders/{order['order_id']}/{action}"
        for attempt in range(ATTEMPTS):
            self.asked += 1
            try:
                async with self._session.post(url, json=body, headers=headers) as answer:
                    if answer.status not in (202, 429, 503):
                        return
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            await asyncio.sleep(self._rng.uniform(0.0, min(2.0, 0.1 * 2**attempt)))
