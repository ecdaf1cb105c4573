"""`make screenshots`: the pictures of the pages in README.md, of a real stack in a real browser."""

import asyncio
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, Page

from compose.demo import promotion
from compose.demo.http import RetryingClient
from tests.e2e.customers import ADDRESS
from tests.e2e.stack import ADMIN, Stack
from tests.support import browser as chromium

FOLDER = Path(__file__).parents[1] / "ingress/web/screenshots"
WALL = {"width": 1200, "height": 675}
#: Largest picture, in bytes.
MOST = 150_000
#: Nothing focused, at the top.
AT_REST = "document.activeElement.blur(); window.scrollTo(0, 0)"
SCHEMES = ("light", "dark")
#: How long the others order before the pictures are taken, in seconds: more and more of them.
RUSH_SECONDS = 60
CUSTOMERS = 20
#: What they order.
ORDERS: list[tuple[tuple[str, int], ...]] = [
    (("coxinha", 2), ("guarana", 1)),
    (("pastel", 3),),
    (("coxinha", 1), ("acai", 1)),
    (("coxinha", 2), ("pastel", 1), ("guarana", 2)),
    (("pao-de-queijo", 1), ("guarana", 1)),
    (("coxinha", 3),),
    (("acai", 2),),
]
#: How many seconds an order waits, is prepared and is on its way; spread evenly by half of it.
PACE = {"preparing": 8, "out_for_delivery": 22, "delivered": 14}


class Street:
    """The other customers, and the kitchen."""

    def __init__(self, client: RetryingClient, token: str) -> None:
        self._client = client
        self._token = token

    async def send(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        for _ in range(50):
            answer = await self._client.send("POST", path, body, headers)
            if answer is not None and answer.status not in (404, 503):  # not shown yet
                return dict(json.loads(answer.body))
            await asyncio.sleep(0.1)
        raise AssertionError(path)

    async def order(self, number: int, lines: tuple[tuple[str, int], ...]) -> str:
        body = {
            "restaurant_id": promotion.RESTAURANT,
            "items": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
            "delivery_address": ADDRESS,
            "payment": {"method": "cash"},
        }
        made = await self.send("/v1/orders", body, {"Idempotency-Key": f"picture-{number}"})
        return str(made["order_id"])

    async def advance(self, order_id: str, status: str) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        await self.send(f"/v1/orders/{order_id}/status", {"status": status}, headers)

    async def customer(self, number: int) -> None:
        """One of them orders, and the kitchen works on it."""
        await asyncio.sleep(RUSH_SECONDS * (number / CUSTOMERS) ** 0.6)
        order_id = await self.order(number, ORDERS[number % len(ORDERS)])
        chance = random.Random(number)
        for status, seconds in PACE.items():
            await asyncio.sleep(seconds * chance.uniform(0.5, 1.5))
            await self.advance(order_id, status)


async def _picture(page: Page, name: str) -> None:
    """Take it at rest, in either light."""
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        await page.wait_for_timeout(300)
        path = FOLDER / f"{name}-{scheme}.png"
        taken = await page.screenshot(path=path)
        print(f"{path.relative_to(Path.cwd())}: {len(taken) / 1000:.0f} kB")
        assert len(taken) <= MOST, "too large for a README"


async def _customer(browser: Browser, url: str, street: Street) -> None:
    async with chromium.visitor(browser, device_scale_factor=1.5) as customer:
        page = customer.page
        await page.goto(f"{url}/?r={promotion.RESTAURANT}")
        await page.locator("[data-sku=coxinha] .add").click()
        await page.locator("[data-sku=coxinha] .add").click()
        await page.locator("[data-sku=guarana] .add").click()
        await page.evaluate(AT_REST)
        await _picture(page, "menu")
        await page.locator(".cartbar button").click()
        for key, value in {**ADDRESS, "name": "Ana Souza", "phone": "81 99999-0000"}.items():
            await page.fill(f"#{key}", value)
        await page.evaluate(AT_REST)
        await _picture(page, "order")
        await page.locator("[type=submit]").click()
        await page.wait_for_selector(".track[data-status=received]")
        order = json.loads(await page.evaluate("localStorage.getItem('promo.orders')"))[0]
        await street.advance(order["order_id"], "preparing")
        await page.wait_for_selector(".track[data-status=preparing]")
        await _picture(page, "tracking")


async def _board(browser: Browser, url: str, token: str) -> None:
    async with chromium.visitor(browser, viewport=WALL) as wall:
        page = wall.page
        await page.goto(f"{url}/painel/{promotion.RESTAURANT}")
        await page.fill("#token", token)
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".card")
        await _picture(page, "board")


async def take(url: str) -> None:
    """Take all pictures of the stack at this address."""
    async with aiohttp.ClientSession() as session, chromium.running() as browser:
        client = RetryingClient(session, url)
        token = await promotion.publish(client, ADMIN)
        street = Street(client, token)
        async with asyncio.TaskGroup() as rush:
            others = [rush.create_task(street.customer(number)) for number in range(CUSTOMERS)]
            await asyncio.sleep(RUSH_SECONDS)
            await _board(browser, url, token)
            await _customer(browser, url, street)
            for each in others:
                each.cancel()


def main() -> int:
    """Start a stack of its own, and take the pictures."""
    if chromium.find() is None:
        print(chromium.MISSING, file=sys.stderr)
        return 2
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            asyncio.run(take(stack.url))
        finally:
            stack.compose("down")
    return 0


if __name__ == "__main__":
    sys.exit(main())
