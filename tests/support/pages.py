"""Page objects: what a person does on the pages of a customer and of a restaurant, and what they show."""

import json
import re
from typing import Any

from playwright.async_api import Locator, Page, expect
from playwright.async_api import TimeoutError as NotShown

from tests.support.browser import Visitor
from tests.support.waiting import eventually

#: A screen on the wall of a kitchen.
WALL = {"width": 1920, "height": 1080}
#: What a customer types into the form, by the id of each field.
FORM = {
    "name": "Ana Souza",
    "phone": "81 99999-0000",
    "street": "Rua da Aurora",
    "number": "10",
    "district": "Boa Vista",
    "city": "Recife",
    "postal_code": "50050-000",
}
#: Their labels, in the same order.
LABELS = ("Nome", "Telefone", "Rua", "Número", "Bairro", "Cidade", "CEP")
#: The accessible name of the element that has the focus.
_FOCUSED_NAME = "(e => e.ariaLabel || (e.labels?.[0] ?? e).textContent || '')(document.activeElement)"


class CustomerPage:
    """The menu, the form and the order of one customer."""

    def __init__(self, visitor: Visitor, url: str) -> None:
        self.visitor = visitor
        self.page: Page = visitor.page
        self._url = url

    @property
    def title(self) -> Locator:
        return self.page.locator("h1")

    @property
    def alert(self) -> Locator:
        return self.page.get_by_role("alert")

    @property
    def reached_steps(self) -> Locator:
        """The times of the steps that the order has taken."""
        return self.page.locator(".steps .done time")

    def item(self, sku: str) -> Locator:
        return self.page.locator(f"[data-sku={sku}]")

    def portions_left(self, sku: str) -> Locator:
        return self.item(sku).locator(".left")

    async def open_menu(self, restaurant: str) -> None:
        """Open the menu of a restaurant, again until its promotion is shown."""

        async def is_shown() -> bool:
            await self.page.goto(f"{self._url}/?r={restaurant}")
            try:
                await self.page.wait_for_selector(".promo .item", timeout=3000)
            except NotShown:  # the views did not have it yet
                return False
            return True

        await eventually(is_shown)

    async def add(self, sku: str, times: int = 1) -> None:
        for _ in range(times):
            await self.item(sku).locator(".add").click()

    async def check_out(self, button: str | re.Pattern[str] = "Fazer pedido") -> None:
        """Go from the cart to the form."""
        await self.page.get_by_role("button", name=button).click()

    async def fill_in(self) -> None:
        for name, value in FORM.items():
            await self.page.fill(f"#{name}", value)

    async def confirm(self, button: str | re.Pattern[str] = "Confirmar") -> None:
        await self.page.get_by_role("button", name=button).click()

    async def order(self, sku: str) -> dict[str, Any]:
        """Order one portion, and return the order."""
        await self.add(sku)
        await self.check_out()
        await self.fill_in()
        await self.confirm()
        await expect(self.title).to_have_text("Pedido confirmado")
        return await self.stored_order()

    async def stored_order(self) -> dict[str, Any]:
        """Return the order that this device has stored last: id, restaurant, token."""
        stored = await self.page.evaluate("localStorage.getItem('promo.orders')")
        return dict(json.loads(stored)[0])

    async def tab_to(self, pattern: str) -> None:
        """Press Tab until an element with such an accessible name has the focus."""
        for _ in range(40):
            await self.page.keyboard.press("Tab")
            if re.search(pattern, await self.page.evaluate(_FOCUSED_NAME)):
                return
        raise AssertionError(f"{pattern} is not reached by Tab")


class BoardPage:
    """The board of a restaurant."""

    def __init__(self, visitor: Visitor, url: str, restaurant: str) -> None:
        self.visitor = visitor
        self.page: Page = visitor.page
        self._address = f"{url}/painel/{restaurant}"

    @property
    def alert(self) -> Locator:
        return self.page.get_by_role("alert")

    @property
    def warning(self) -> Locator:
        return self.page.locator("#warning")

    @property
    def portions(self) -> Locator:
        return self.page.locator(".portions")

    async def open(self) -> None:
        """Open the form that asks for the token."""
        await self.page.goto(self._address)

    async def sign_in(self, token: str) -> None:
        await self.page.fill("#token", token)
        await self.page.keyboard.press("Enter")

    async def open_live(self, token: str) -> None:
        """Open the board, and return once it is live."""
        await self.open()
        await self.sign_in(token)
        await self.page.wait_for_selector("[data-link=live]")

    async def orders(self, status: str) -> list[str]:
        """Return the ids of the orders in a column, sorted."""
        cards = self.page.locator(f".column.{status} .card")
        return sorted(await cards.evaluate_all("all => all.map(c => c.dataset.order)"))

    async def until_orders(self, status: str, *orders: str) -> None:
        """Return once a column has exactly these orders."""

        async def is_shown() -> bool:
            return await self.orders(status) == sorted(orders)

        await eventually(is_shown)
