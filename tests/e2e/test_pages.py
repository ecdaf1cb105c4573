"""The pages as people use them: real Chromium, the real stack behind."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Route, expect

from tests.e2e.customers import Kitchen
from tests.e2e.stack import Stack
from tests.support import browser as chromium
from tests.support.browser import Visitor
from tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(chromium.find() is None, reason=chromium.MISSING)

Come = Callable[..., Awaitable[Visitor]]

WALL = {"width": 1920, "height": 1080}
STEPS = ["Confirmado", "Em preparo", "A caminho", "Entregue"]
FORM = {
    "name": "Ana Souza",
    "phone": "81 99999-0000",
    "street": "Rua da Aurora",
    "number": "10",
    "district": "Boa Vista",
    "city": "Recife",
    "postal_code": "50050-000",
}


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all; each visitor has a context of their own."""
    async with chromium.running() as running:
        yield running


@pytest.fixture
async def come(browser: Browser) -> AsyncIterator[Come]:
    """Lets visitors come; nobody's browser may have complained."""
    visitors: list[Visitor] = []
    async with AsyncExitStack() as leaving:

        async def come(**options: object) -> Visitor:
            visitors.append(await leaving.enter_async_context(chromium.visitor(browser, **options)))
            return visitors[-1]

        yield come
    assert [complaint for each in visitors for complaint in each.complaints] == []


async def promote(kitchen: Kitchen, **portions: int) -> str:
    """Open a restaurant with a promotion of these items at half price, and guaraná; its id."""
    restaurant = await kitchen.open(**dict.fromkeys(portions), guarana=None)
    now = datetime.now(UTC)
    promotion = {
        "starts_at": (now - timedelta(seconds=5)).isoformat(),
        "ends_at": (now + timedelta(minutes=12)).isoformat(),
        "items": [
            {"sku": sku, "promo_price": {"amount": 500, "currency": "BRL"}, "portions": count}
            for sku, count in portions.items()
        ],
    }
    path = f"/v1/restaurants/{restaurant}/promotions/p1"
    assert (await kitchen.put(path, promotion)).status == 201
    return restaurant


async def open_menu(page: Page, stack: Stack, restaurant: str) -> None:
    """Open the page of a restaurant whose promotion is shown."""
    await eventually(lambda: shown(page, stack, restaurant))


async def shown(page: Page, stack: Stack, restaurant: str) -> bool:
    await page.goto(f"{stack.url}/?r={restaurant}")
    try:
        await page.wait_for_selector(".promo .item", timeout=3000)
    except Exception:  # the views did not have it yet
        return False
    return True


async def fill(page: Page) -> None:
    for name, value in FORM.items():
        await page.fill(f"#{name}", value)


async def order_of(page: Page) -> dict[str, Any]:
    """The order that this device has kept last: id, restaurant, token."""
    kept = await page.evaluate("localStorage.getItem('promo.orders')")
    return dict(json.loads(kept)[0])


async def board(visitor: Visitor, stack: Stack, kitchen: Kitchen, restaurant: str) -> Page:
    """Open a board with its token, until it is live."""
    await visitor.page.goto(f"{stack.url}/painel/{restaurant}")
    await visitor.page.fill("#token", kitchen.token(restaurant))
    await visitor.page.keyboard.press("Enter")
    await visitor.page.wait_for_selector("[data-link=live]")
    return visitor.page


async def cards(page: Page, status: str) -> list[str]:
    """The orders in a column of a board."""
    found = await page.locator(f".column.{status} .card").evaluate_all("all => all.map(c => c.dataset.order)")
    return list(found)


async def test_order_by_keyboard_alone_is_followed_to_delivery(
    come: Come, kitchen: Kitchen, stack: Stack
) -> None:
    """No mouse, no touch: menu, cart, form, payment, live tracking; each status is seen without a reload."""
    restaurant = await promote(kitchen, coxinha=5)
    page = (await come()).page
    await open_menu(page, stack, restaurant)
    keys = page.keyboard

    async def tab_to(pattern: str) -> None:
        for _ in range(40):
            await keys.press("Tab")
            name = await page.evaluate(
                "(e => e.ariaLabel || (e.labels?.[0] ?? e).textContent || '')(document.activeElement)"
            )
            if re.search(pattern, name):
                return
        raise AssertionError(f"{pattern} is not reached by Tab")

    await tab_to("Adicionar coxinha")
    await keys.press("Enter")
    await keys.press("Space")
    await tab_to("Fazer pedido")
    await keys.press("Enter")
    await expect(page.locator("h1")).to_be_focused()
    for label, value in zip(
        ["Nome", "Telefone", "Rua", "Número", "Bairro", "Cidade", "CEP"], FORM.values(), strict=True
    ):
        await tab_to(f"^{label}")
        await keys.type(value)
    await tab_to("^Pix")
    await keys.press("ArrowRight")
    await keys.press("ArrowRight")
    await expect(page.locator("[value=cash]")).to_be_checked()
    await tab_to("Confirmar · R\\$\\s10,00")
    await keys.press("Enter")
    await expect(page.locator("h1")).to_have_text("Pedido confirmado")
    order = await order_of(page)
    for status, title in {
        "preparing": "Em preparo",
        "out_for_delivery": "Saiu para entrega",
        "delivered": "Entregue",
    }.items():
        assert (await kitchen.advance(order, status)).status == 200
        await expect(page.locator("h1")).to_have_text(title)
    assert await page.locator(".steps .done time").count() == len(STEPS)
    assert (await kitchen.look(order))["total"]["amount"] == 1000


async def test_late_answer_does_not_undo_newer_events(come: Come, kitchen: Kitchen, stack: Stack) -> None:
    """The page reads the order while it follows it; what was read first may come last."""
    restaurant = await promote(kitchen, coxinha=5)
    page = (await come()).page
    await open_menu(page, stack, restaurant)
    held: list[bool] = []
    delivered, answered = asyncio.Event(), asyncio.Event()

    async def overtaken(route: Route) -> None:
        """Hold the first answer that shows the order until it is delivered."""
        answer = await route.fetch()
        first = not held and "items" in await answer.json()
        if first:
            held.append(True)
            await delivered.wait()
        await route.fulfill(response=answer)
        if first:
            answered.set()

    await page.route(re.compile(r"/v1/orders/o_\w+$"), overtaken)
    await page.locator("[data-sku=coxinha] .add").click()
    await page.get_by_role("button", name="Fazer pedido").click()
    await fill(page)
    await page.get_by_role("button", name="Confirmar").click()
    await expect(page.locator("h1")).to_have_text("Pedido confirmado")
    order = await order_of(page)
    for status in ("preparing", "out_for_delivery", "delivered"):
        assert (await kitchen.advance(order, status)).status == 200
    await expect(page.locator("h1")).to_have_text("Entregue")
    await expect(page.locator(".steps .done time")).to_have_count(len(STEPS))
    delivered.set()
    await asyncio.wait_for(answered.wait(), 5)
    await page.wait_for_timeout(200)  # for the page to take it
    assert await page.locator("h1").text_content() == "Entregue"
    assert await page.locator(".steps .done time").count() == len(STEPS)


async def test_item_that_sells_out_leaves_the_cart(come: Come, kitchen: Kitchen, stack: Stack) -> None:
    """Honest availability: the count falls, then `Esgotado`; nobody is let fill in a form for nothing."""
    restaurant = await promote(kitchen, coxinha=3, pastel=9)
    page = (await come()).page
    await open_menu(page, stack, restaurant)
    item = page.locator("[data-sku=coxinha]")
    await expect(item.locator(".left")).to_have_text("Só 3 porções")
    await item.get_by_role("button", name="Adicionar").click()
    assert (await kitchen.order(restaurant, "other-1", ("coxinha", 2))).status == 201
    await expect(item.locator(".left")).to_have_text("Última porção")
    assert (await kitchen.order(restaurant, "other-2", ("coxinha", 1))).status == 201
    await expect(item.locator(".left")).to_have_text("Esgotado")
    await expect(item.locator(".add")).to_be_disabled()
    await expect(page.locator("#toast")).to_have_text("coxinha esgotou e saiu do seu pedido.")
    await expect(page.locator(".cartbar")).to_be_hidden()


async def test_late_customer_may_order_what_is_left(come: Come, kitchen: Kitchen, stack: Stack) -> None:
    """409 out-of-stock: nothing is charged, the order is cut to what there is, and goes through with a new key."""
    restaurant = await promote(kitchen, coxinha=4)
    page = (await come()).page
    await open_menu(page, stack, restaurant)
    for _ in range(3):
        await page.locator("[data-sku=coxinha] .add").click()
    await page.get_by_role("button", name="Fazer pedido").click()
    await fill(page)
    await page.route("**/menu?*", lambda route: route.abort())  # what is seen stays old
    assert (await kitchen.order(restaurant, "other", ("coxinha", 3))).status == 201
    await page.get_by_role("button", name="Confirmar").click()
    await expect(page.get_by_role("alert")).to_contain_text("coxinha: última porção")
    await page.get_by_role("button", name=re.compile("Confirmar · R\\$\\s5,00")).click()
    await expect(page.locator("h1")).to_have_text("Pedido confirmado")


async def test_lost_answer_is_retried_with_the_same_key_after_reload(
    come: Come, kitchen: Kitchen, stack: Stack
) -> None:
    """The order went in, its answer did not come back, the page is reloaded meanwhile: still one order."""
    restaurant = await promote(kitchen, coxinha=5)
    page = (await come()).page
    await open_menu(page, stack, restaurant)
    await page.locator("[data-sku=coxinha] .add").click()
    await page.get_by_role("button", name="Fazer pedido").click()
    await fill(page)
    sent: list[tuple[str | None, str | None]] = []

    async def lose(route: Route) -> None:
        sent.append((await route.request.header_value("Idempotency-Key"), route.request.post_data))
        if len(sent) <= 2:
            await route.fetch()  # it reaches the server; the answer is lost
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/v1/orders", lose)
    await page.get_by_role("button", name="Confirmar").click()
    await expect(page.locator(".progress")).to_contain_text("Tentando de novo")
    await page.reload()
    await expect(page.locator("h1")).to_have_text("Pedido confirmado")
    assert len(sent) >= 3 and len(set(sent)) == 1
    menu = json.loads((await kitchen.call("GET", f"/v1/restaurants/{restaurant}/menu?q=coxinha")).body)
    assert menu["items"][0]["availability"]["count"] == 4
    await page.reload()
    await expect(page.locator("h1")).to_have_text("Pedido confirmado")  # id and token are kept


async def test_order_can_be_cancelled_and_shows_its_refund(
    come: Come, kitchen: Kitchen, stack: Stack
) -> None:
    """Asked twice, then cancelled, and the refund is shown."""
    restaurant = await promote(kitchen, coxinha=5)
    page = (await come()).page
    await open_menu(page, stack, restaurant)
    await page.locator("[data-sku=coxinha] .add").click()
    await page.get_by_role("button", name="Fazer pedido").click()
    await fill(page)
    await page.get_by_role("button", name="Confirmar").click()
    await page.get_by_role("button", name="Cancelar pedido").click()
    await page.get_by_role("button", name="Sim, cancelar").click()
    await expect(page.locator("h1")).to_have_text("Pedido cancelado")
    await expect(page.locator(".lead")).to_contain_text(re.compile("Você cancelou.*5,00 devolvidos"))
    await expect(page.get_by_role("button", name="Cancelar pedido")).to_be_hidden()


async def test_two_boards_show_the_same_orders(come: Come, kitchen: Kitchen, stack: Stack) -> None:
    """Both are told of each change; the token is in no address."""
    restaurant = await promote(kitchen, coxinha=20)
    visitors = [await come(viewport=WALL), await come(viewport=WALL)]
    boards = [await board(visitor, stack, kitchen, restaurant) for visitor in visitors]
    orders = [json.loads((await kitchen.order(restaurant, f"k{n}", ("coxinha", 1))).body) for n in range(3)]
    ids = [order["order_id"] for order in orders]
    for page in boards:
        await eventually(lambda page=page: _is(cards(page, "received"), ids))
    assert (await kitchen.advance(orders[1], "preparing")).status == 200
    for page in boards:
        await eventually(lambda page=page: _is(cards(page, "preparing"), [ids[1]]))
        assert sorted(await cards(page, "received")) == sorted([ids[0], ids[2]])
        await expect(page.locator(".portions")).to_contain_text("17")
    token = kitchen.token(restaurant)
    assert not [a for each in visitors for a in each.addresses if token in a]


async def test_wrong_token_opens_no_board(come: Come, kitchen: Kitchen, stack: Stack) -> None:
    """It is asked for again; nothing of the kitchen was shown, and the tab does not keep it."""
    restaurant = await kitchen.open(coxinha=1)
    page = (await come(viewport=WALL)).page
    await page.goto(f"{stack.url}/painel/{restaurant}")
    await page.fill("#token", kitchen.token(restaurant)[:-1] + "~")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("Este token não abre este restaurante.")
    assert await page.evaluate("sessionStorage.length") == 0


async def test_pages_catch_up_after_a_network_outage(come: Come, kitchen: Kitchen, stack: Stack) -> None:
    """Both pages say that they are cut off; back again, the board has every order once, the customer every step."""
    restaurant = await promote(kitchen, coxinha=20)
    customer, wall = await come(), await come(viewport=WALL)
    page, shown_ = customer.page, await board(wall, stack, kitchen, restaurant)
    await open_menu(page, stack, restaurant)
    await page.locator("[data-sku=coxinha] .add").click()
    await page.get_by_role("button", name="Fazer pedido").click()
    await fill(page)
    await page.get_by_role("button", name="Confirmar").click()
    await expect(page.locator("h1")).to_have_text("Pedido confirmado")
    order = await order_of(page)
    await eventually(lambda: _is(cards(shown_, "received"), [order["order_id"]]))
    for visitor in (customer, wall):
        await visitor.context.set_offline(True)
    await expect(shown_.locator("#warning")).to_contain_text("Sem conexão desde")
    await expect(page.locator(".connection")).to_contain_text("Reconectando")
    later = [json.loads((await kitchen.order(restaurant, f"k{n}", ("coxinha", 1))).body) for n in range(4)]
    for status in ("preparing", "out_for_delivery"):
        assert (await kitchen.advance(order, status)).status == 200
    await expect(page.locator("h1")).to_have_text("Pedido confirmado")
    for visitor in (customer, wall):
        await visitor.context.set_offline(False)
    await expect(page.locator("h1")).to_have_text("Saiu para entrega")
    assert await page.locator(".steps time").count() == 3
    await eventually(lambda: _is(cards(shown_, "received"), [o["order_id"] for o in later]))
    await eventually(lambda: _is(cards(shown_, "out_for_delivery"), [order["order_id"]]))
    await expect(shown_.locator("#warning")).to_be_hidden()


async def test_pages_pass_axe_in_both_schemes_and_languages(
    come: Come, kitchen: Kitchen, stack: Stack
) -> None:
    """WCAG AA: no violation in any view, light and dark."""
    restaurant = await promote(kitchen, coxinha=5, pastel=1)
    await kitchen.order(restaurant, "k", ("pastel", 1))
    page = (await come()).page
    faults: dict[str, object] = {}

    async def look(page: Page, view: str) -> None:
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            found = (await Axe().run(page)).response["violations"]
            if found:
                faults[f"{view} {scheme}"] = [(v["id"], [n["target"] for n in v["nodes"]]) for v in found]

    await open_menu(page, stack, restaurant)
    await page.goto(stack.url)
    await page.wait_for_selector(".restaurants")
    await look(page, "promotions")
    await page.goto(f"{stack.url}/?r={restaurant}")
    await page.locator("[data-sku=coxinha] .add").click()
    await look(page, "menu")
    await page.get_by_role("button", name="EN English").click()
    await page.get_by_role("button", name="Order", exact=True).click()
    await page.get_by_role("button", name="Confirm").click()
    await expect(page.get_by_role("alert")).to_have_text("Check the marked fields.")
    await look(page, "order with faults")
    await fill(page)
    await page.get_by_role("button", name="Confirm").click()
    await expect(page.locator("h1")).to_have_text("Order confirmed")
    await look(page, "tracking")
    wall = await come(viewport=WALL)
    await wall.page.goto(f"{stack.url}/painel/{restaurant}")
    await look(wall.page, "token")
    await look(await board(wall, stack, kitchen, restaurant), "board")
    assert faults == {}


async def _is(found: Awaitable[list[str]], expected: list[str]) -> bool:
    return sorted(await found) == sorted(expected)
