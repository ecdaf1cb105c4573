"""`make screenshots`: the pictures of README.md, taken from a real stack in a real browser."""

import argparse
import asyncio
import json
import random
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, Page

from compose.demo import promotion
from compose.demo.http import RetryingClient
from tests.e2e.customers import ADDRESS
from tests.e2e.stack import ADMIN
from tests.support import browser as chromium
from tests.support.programs import temporary_stack

FOLDER = Path(__file__).parents[1] / "ingress/web/screenshots"
BOARD_SIZE = {"width": 1200, "height": 675}
MAX_PICTURE_BYTES = 150_000
#: Removes the focus, and scrolls to the top.
RESET_PAGE = "document.activeElement.blur(); window.scrollTo(0, 0)"
SCHEMES = ("light", "dark")
#: How long the other customers order, at a growing rate, before the pictures are taken.
RUSH_SECONDS = 60
CUSTOMERS = 20
#: The lines of their orders.
ORDERS: list[tuple[tuple[str, int], ...]] = [
    (("coxinha", 2), ("guarana", 1)),
    (("pastel", 3),),
    (("coxinha", 1), ("acai", 1)),
    (("coxinha", 2), ("pastel", 1), ("guarana", 2)),
    (("pao-de-queijo", 1), ("guarana", 1)),
    (("coxinha", 3),),
    (("acai", 2),),
]
#: Mean seconds before each step of an order; spread evenly by half.
STEP_SECONDS = {"preparing": 8, "out_for_delivery": 22, "delivered": 14}


class OtherCustomers:
    """The other customers, whose orders the kitchen advances."""

    def __init__(self, client: RetryingClient, token: str) -> None:
        self._client = client
        self._token = token

    async def send(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        for _ in range(50):
            response = await self._client.send("POST", path, body, headers)
            if response is not None and response.status not in (404, 503):  # the views do not have it yet
                return dict(json.loads(response.body))
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

    async def place_and_advance(self, number: int) -> None:
        """Place one order, and advance it step by step."""
        await asyncio.sleep(RUSH_SECONDS * (number / CUSTOMERS) ** 0.6)
        order_id = await self.order(number, ORDERS[number % len(ORDERS)])
        rng = random.Random(number)
        for status, seconds in STEP_SECONDS.items():
            await asyncio.sleep(seconds * rng.uniform(0.5, 1.5))
            await self.advance(order_id, status)


async def _save_picture(page: Page, name: str) -> None:
    """Save a picture in each colour scheme."""
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        await page.wait_for_timeout(300)
        path = FOLDER / f"{name}-{scheme}.png"
        taken = await page.screenshot(path=path)
        print(f"{path.relative_to(Path.cwd())}: {len(taken) / 1000:.0f} kB")
        assert len(taken) <= MAX_PICTURE_BYTES, "too large for a README"


async def _save_customer_pages(browser: Browser, url: str, others: OtherCustomers) -> None:
    async with chromium.visitor(browser, device_scale_factor=1.5) as customer:
        page = customer.page
        await page.goto(f"{url}/?r={promotion.RESTAURANT}")
        await page.locator("[data-sku=coxinha] .add").click()
        await page.locator("[data-sku=coxinha] .add").click()
        await page.locator("[data-sku=guarana] .add").click()
        await page.evaluate(RESET_PAGE)
        await _save_picture(page, "menu")
        await page.locator(".cartbar button").click()
        for key, value in {**ADDRESS, "name": "Ana Souza", "phone": "81 99999-0000"}.items():
            await page.fill(f"#{key}", value)
        await page.evaluate(RESET_PAGE)
        await _save_picture(page, "order")
        await page.locator("[type=submit]").click()
        await page.wait_for_selector(".track[data-status=received]")
        order = json.loads(await page.evaluate("localStorage.getItem('promo.orders')"))[0]
        await others.advance(order["order_id"], "preparing")
        await page.wait_for_selector(".track[data-status=preparing]")
        await _save_picture(page, "tracking")


async def _save_board(browser: Browser, url: str, token: str) -> None:
    async with chromium.visitor(browser, viewport=BOARD_SIZE) as wall:
        page = wall.page
        await page.goto(f"{url}/painel/{promotion.RESTAURANT}")
        await page.fill("#token", token)
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".card")
        await _save_picture(page, "board")


async def save_pictures(url: str) -> None:
    """Save all pictures of the stack at this URL."""
    async with aiohttp.ClientSession() as session, chromium.running() as browser:
        client = RetryingClient(session, url)
        token = await promotion.publish(client, ADMIN)
        others = OtherCustomers(client, token)
        async with asyncio.TaskGroup() as rush:
            orders = [rush.create_task(others.place_and_advance(number)) for number in range(CUSTOMERS)]
            await asyncio.sleep(RUSH_SECONDS)
            await _save_board(browser, url, token)
            await _save_customer_pages(browser, url, others)
            for order in orders:
                order.cancel()


def main() -> int:
    """Save the pictures of a stack of its own; return 2 if there is no browser."""
    argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__).parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the stack is stopped
    if chromium.find() is None:
        print(chromium.MISSING, file=sys.stderr)
        return 2
    FOLDER.mkdir(exist_ok=True)
    with temporary_stack() as stack:
        asyncio.run(save_pictures(stack.url))
    return 0


if __name__ == "__main__":
    sys.exit(main())
