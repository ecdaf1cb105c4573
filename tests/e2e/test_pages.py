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
from tests.e2e.test_erasure import run
from tests.support import browser as chromium
from tests.support.browser import Visitor
from tests.support.pages import FORM, LABELS, WALL, BoardPage, CustomerPage

pytestmark = pytest.mark.skipif(chromium.find() is None, reason=chromium.MISSING)

Visit = Callable[..., Awaitable[Visitor]]
NewBoard = Callable[[str], Awaitable[BoardPage]]

STEPS = ["Confirmado", "Em preparo", "A caminho", "Entregue"]
#: The title of the page of an order in each status that the kitchen sets.
TITLES = {"preparing": "Em preparo", "out_for_delivery": "Saiu para entrega", "delivered": "Entregue"}


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all; each visitor has a context of their own."""
    async with chromium.running() as running:
        yield running


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """Open a browser context for another person; none may report a violation of the security policy."""
    visitors: list[Visitor] = []
    async with AsyncExitStack() as contexts:

        async def visit(**options: object) -> Visitor:
            visitors.append(await contexts.enter_async_context(chromium.visitor(browser, **options)))
            return visitors[-1]

        yield visit
    assert [complaint for each in visitors for complaint in each.complaints] == []


@pytest.fixture
async def customer(visit: Visit, stack: Stack) -> CustomerPage:
    """A customer with a phone."""
    return CustomerPage(await visit(), stack.url)


@pytest.fixture
def new_board(visit: Visit, stack: Stack) -> NewBoard:
    """Return the board of a restaurant on another screen."""

    async def new_board(restaurant: str) -> BoardPage:
        return BoardPage(await visit(viewport=WALL), stack.url, restaurant)

    return new_board


async def promote(
    kitchen: Kitchen, assurance: str = "none", *, more: dict[str, int] | None = None, **portions: int
) -> str:
    """Open a restaurant with a promotion of these items at half price, and guaraná; return its id.

    `more` has further fields of each item of the promotion.
    """
    restaurant = await kitchen.open(**dict.fromkeys(portions), guarana=None)
    now = datetime.now(UTC)
    promotion = {
        "starts_at": (now - timedelta(seconds=5)).isoformat(),
        "ends_at": (now + timedelta(minutes=12)).isoformat(),
        "items": [
            {"sku": sku, "promo_price": {"amount": 500, "currency": "BRL"}, "portions": count} | (more or {})
            for sku, count in portions.items()
        ],
        "customer_assurance": assurance,
    }
    path = f"/v1/restaurants/{restaurant}/promotions/p1"
    assert (await kitchen.put(path, promotion)).status == 201
    return restaurant


async def advance(kitchen: Kitchen, order: dict[str, Any], *statuses: str) -> None:
    for status in statuses:
        assert (await kitchen.advance(order, status)).status == 200


async def test_order_by_keyboard_alone_is_followed_to_delivery(
    customer: CustomerPage, kitchen: Kitchen
) -> None:
    """No mouse, no touch: menu, cart, form, payment, live tracking; each status is seen without a reload."""
    restaurant = await promote(kitchen, coxinha=5)
    await customer.open_menu(restaurant)
    keys = customer.page.keyboard
    await customer.tab_to("Adicionar coxinha")
    await keys.press("Enter")
    await keys.press("Space")
    await customer.tab_to("Fazer pedido")
    await keys.press("Enter")
    await expect(customer.title).to_be_focused()
    for label, value in zip(LABELS, FORM.values(), strict=True):
        await customer.tab_to(f"^{label}")
        await keys.type(value)
    await customer.tab_to("^Pix")
    await keys.press("ArrowRight")
    await keys.press("ArrowRight")
    await expect(customer.page.locator("[value=cash]")).to_be_checked()
    await customer.tab_to("Confirmar · R\\$\\s10,00")
    await keys.press("Enter")
    await expect(customer.title).to_have_text("Pedido confirmado")
    order = await customer.stored_order()
    for status, title in TITLES.items():
        await advance(kitchen, order, status)
        await expect(customer.title).to_have_text(title)
    assert await customer.reached_steps.count() == len(STEPS)
    assert (await kitchen.get_order(order))["total"]["amount"] == 1000


async def test_late_answer_does_not_undo_newer_events(customer: CustomerPage, kitchen: Kitchen) -> None:
    """The page reads the order while it follows it; what was read first may come last."""
    restaurant = await promote(kitchen, coxinha=5)
    await customer.open_menu(restaurant)
    held: list[bool] = []
    delivered, answered = asyncio.Event(), asyncio.Event()

    async def hold_first(route: Route) -> None:
        """Hold the first answer that shows the order until it is delivered."""
        answer = await route.fetch()
        first = not held and "items" in await answer.json()
        if first:
            held.append(True)
            await delivered.wait()
        await route.fulfill(response=answer)
        if first:
            answered.set()

    await customer.page.route(re.compile(r"/v1/orders/o_[\w.~-]+$"), hold_first)
    order = await customer.order("coxinha")
    await advance(kitchen, order, *TITLES)
    await expect(customer.title).to_have_text("Entregue")
    await expect(customer.reached_steps).to_have_count(len(STEPS))
    delivered.set()
    await asyncio.wait_for(answered.wait(), 5)
    await customer.page.wait_for_timeout(200)  # for the page to read it
    assert await customer.title.text_content() == "Entregue"
    assert await customer.reached_steps.count() == len(STEPS)


async def test_item_that_sells_out_leaves_the_cart(customer: CustomerPage, kitchen: Kitchen) -> None:
    """Honest availability: the count falls, then `Esgotado`; a customer does not fill in a form for nothing."""
    restaurant = await promote(kitchen, coxinha=3, pastel=9)
    await customer.open_menu(restaurant)
    item, left = customer.item("coxinha"), customer.portions_left("coxinha")
    await expect(left).to_have_text("Só 3 porções")
    await item.get_by_role("button", name="Adicionar").click()
    assert (await kitchen.order(restaurant, "other-1", ("coxinha", 2))).status == 201
    await expect(left).to_have_text("Última porção")
    assert (await kitchen.order(restaurant, "other-2", ("coxinha", 1))).status == 201
    await expect(left).to_have_text("Esgotado")
    await expect(item.locator(".add")).to_be_disabled()
    await expect(customer.page.locator("#toast")).to_have_text("coxinha esgotou e saiu do seu pedido.")
    await expect(customer.page.locator(".cartbar")).to_be_hidden()


async def test_late_customer_may_order_what_is_left(customer: CustomerPage, kitchen: Kitchen) -> None:
    """409 out-of-stock: nothing is charged, the order is cut to what there is, and goes through with a new key."""
    restaurant = await promote(kitchen, coxinha=4)
    await customer.open_menu(restaurant)
    await customer.add("coxinha", times=3)
    await customer.check_out()
    await customer.fill_in()
    await customer.page.route("**/menu?*", lambda route: route.abort())  # the page stays old
    assert (await kitchen.order(restaurant, "other", ("coxinha", 3))).status == 201
    await customer.confirm()
    await expect(customer.alert).to_contain_text("coxinha: última porção")
    await customer.confirm(re.compile("Confirmar · R\\$\\s5,00"))
    await expect(customer.title).to_have_text("Pedido confirmado")


async def test_customer_past_a_cash_limit_pays_by_pix(customer: CustomerPage, kitchen: Kitchen) -> None:
    """409 cash-limit-reached: the page says the way out, and the order goes through with a new key."""
    restaurant = await promote(kitchen, more={"cash_portions": 0}, coxinha=4)
    await customer.open_menu(restaurant)
    await customer.add("coxinha")
    await customer.check_out()
    await customer.fill_in()
    await customer.page.get_by_role("radio", name="Dinheiro").check()
    await customer.confirm()
    await expect(customer.alert).to_contain_text("Pague por Pix ou cartão")
    await customer.page.get_by_role("radio", name="Pix").check()
    await customer.confirm()
    await expect(customer.title).to_have_text("Pedido confirmado")


async def test_customer_mends_what_the_form_marks(customer: CustomerPage, kitchen: Kitchen) -> None:
    """The error of a postal code is in the customer's words; a phone number may be copied with what does not show."""
    restaurant = await promote(kitchen, coxinha=5)
    await customer.open_menu(restaurant)
    await customer.add("coxinha")
    await customer.check_out()
    await customer.fill_in()
    await customer.page.fill("#phone", "\u202a+55 81 99999\u20110000\u202c")
    await customer.page.fill("#postal_code", "abc")
    await customer.confirm()
    await expect(customer.alert).to_contain_text("CEP: deve ser um CEP de 8 dígitos, como 50000-000.")
    await expect(customer.page.locator("#postal_code")).to_have_attribute("aria-invalid", "true")
    await customer.page.fill("#postal_code", "50050000")
    await customer.confirm()
    await expect(customer.title).to_have_text("Pedido confirmado")
    shown = await kitchen.get_order(await customer.stored_order())
    assert shown["delivery_address"]["postal_code"] == "50050-000"
    assert shown["customer"]["phone"] == "+5581999990000"


async def test_lost_answer_is_retried_with_the_same_key_after_reload(
    customer: CustomerPage, kitchen: Kitchen
) -> None:
    """The order was accepted, its answer is lost, the page is reloaded in between: still one order."""
    restaurant = await promote(kitchen, coxinha=5)
    await customer.open_menu(restaurant)
    await customer.add("coxinha")
    await customer.check_out()
    await customer.fill_in()
    sent: list[tuple[str | None, str | None]] = []

    async def lose_answers(route: Route) -> None:
        sent.append((await route.request.header_value("Idempotency-Key"), route.request.post_data))
        if len(sent) <= 2:
            await route.fetch()  # it reaches the server; the answer is lost
            await route.abort()
        else:
            await route.continue_()

    await customer.page.route("**/v1/orders", lose_answers)
    await customer.confirm()
    await expect(customer.page.locator(".progress")).to_contain_text("Tentando de novo")
    await customer.page.reload()
    await expect(customer.title).to_have_text("Pedido confirmado")
    assert len(sent) >= 3 and len(set(sent)) == 1
    menu = json.loads((await kitchen.call("GET", f"/v1/restaurants/{restaurant}/menu?q=coxinha")).body)
    assert menu["items"][0]["availability"]["count"] == 4
    await customer.page.reload()
    await expect(customer.title).to_have_text("Pedido confirmado")  # id and token are stored


async def test_promotion_that_asks_for_a_phone_gets_its_code(
    customer: CustomerPage, kitchen: Kitchen, stack: Stack
) -> None:
    """The dialog opens on confirming; a wrong code and a resent one later, the order goes in, and the next one at once.

    A customer who was forgotten proves the phone again, and is a new one.
    """
    restaurant = await promote(kitchen, assurance="phone", coxinha=5)
    page = customer.page

    async def last_code() -> str:
        got = await page.context.request.get(f"{stack.messaging_url}/messages")
        return str((await got.json())["messages"][-1]["text"])[:6]

    await customer.open_menu(restaurant)
    await customer.add("coxinha")
    await customer.check_out()
    await customer.fill_in()
    await customer.confirm()
    dialog = page.get_by_role("dialog", name="Confirme seu telefone")
    await expect(dialog.get_by_label("Celular")).to_have_value(FORM["phone"])
    await dialog.get_by_role("button", name="Enviar código").click()
    code = dialog.get_by_label("Código")
    await expect(code).to_be_focused()
    await code.fill(f"{(int(await last_code()) + 1) % 1_000_000:06}")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("alert")).to_have_text("Código errado. Confira e tente de novo.")
    assert (await Axe().run(page)).response["violations"] == []
    await dialog.get_by_role("button", name="Reenviar código").click()
    await expect(code).to_have_value("")
    await code.fill(await last_code())
    await page.keyboard.press("Enter")
    await expect(customer.title).to_have_text("Pedido confirmado")
    shown = await kitchen.get_order(await customer.stored_order())
    assert shown["customer"]["id"].startswith("c_")
    await customer.open_menu(restaurant)
    again = await customer.order("coxinha")
    assert (await kitchen.get_order(again))["customer"]["id"] == shown["customer"]["id"]
    await run(stack, "ingress", "customer", "forget", shown["customer"]["id"])
    await customer.open_menu(restaurant)
    await customer.add("coxinha")
    await customer.check_out()
    await customer.fill_in()
    await customer.confirm()
    await dialog.get_by_role("button", name="Enviar código").click()
    await expect(code).to_be_focused()
    await code.fill(await last_code())
    await page.keyboard.press("Enter")
    await expect(customer.title).to_have_text("Pedido confirmado")
    later = await kitchen.get_order(await customer.stored_order())
    assert later["customer"]["id"].startswith("c_") and later["customer"]["id"] != shown["customer"]["id"]


async def test_order_can_be_cancelled_and_shows_its_refund(customer: CustomerPage, kitchen: Kitchen) -> None:
    """The page asks for confirmation, cancels, and shows the refund."""
    restaurant = await promote(kitchen, coxinha=5)
    await customer.open_menu(restaurant)
    await customer.order("coxinha")
    page = customer.page
    await page.get_by_role("button", name="Cancelar pedido").click()
    await page.get_by_role("button", name="Sim, cancelar").click()
    await expect(customer.title).to_have_text("Pedido cancelado")
    await expect(page.locator(".lead")).to_contain_text(re.compile("Você cancelou.*5,00 devolvidos"))
    await expect(page.get_by_role("button", name="Cancelar pedido")).to_be_hidden()


async def test_two_boards_show_the_same_orders(new_board: NewBoard, kitchen: Kitchen) -> None:
    """Both receive each change; the token is in no address."""
    restaurant = await promote(kitchen, coxinha=20)
    token = kitchen.token(restaurant)
    boards = [await new_board(restaurant), await new_board(restaurant)]
    for board in boards:
        await board.open_live(token)
    orders = [json.loads((await kitchen.order(restaurant, f"k{n}", ("coxinha", 1))).body) for n in range(3)]
    first, second, third = (order["order_id"] for order in orders)
    for board in boards:
        await board.until_orders("received", first, second, third)
    await advance(kitchen, orders[1], "preparing")
    for board in boards:
        await board.until_orders("preparing", second)
        assert await board.orders("received") == sorted([first, third])
        await expect(board.portions).to_contain_text("17")
    assert not [address for board in boards for address in board.visitor.addresses if token in address]


async def test_wrong_token_opens_no_board(new_board: NewBoard, kitchen: Kitchen) -> None:
    """The board asks for it again, shows nothing of the kitchen, and the tab does not store it."""
    restaurant = await kitchen.open(coxinha=1)
    board = await new_board(restaurant)
    await board.open()
    await board.sign_in(kitchen.token(restaurant)[:-1] + "~")
    await expect(board.alert).to_have_text("Este token não abre este restaurante.")
    assert await board.page.evaluate("sessionStorage.length") == 0


async def test_pages_catch_up_after_a_network_outage(
    customer: CustomerPage, new_board: NewBoard, kitchen: Kitchen
) -> None:
    """Both pages show that they are offline; after it the board has every order once, the customer every step."""
    restaurant = await promote(kitchen, coxinha=20)
    board = await new_board(restaurant)
    await board.open_live(kitchen.token(restaurant))
    await customer.open_menu(restaurant)
    order = await customer.order("coxinha")
    await board.until_orders("received", order["order_id"])
    for visitor in (customer.visitor, board.visitor):
        await visitor.context.set_offline(True)
    await expect(board.warning).to_contain_text("Sem conexão desde")
    await expect(customer.page.locator(".connection")).to_contain_text("Reconectando")
    later = [json.loads((await kitchen.order(restaurant, f"k{n}", ("coxinha", 1))).body) for n in range(4)]
    await advance(kitchen, order, "preparing", "out_for_delivery")
    await expect(customer.title).to_have_text("Pedido confirmado")
    for visitor in (customer.visitor, board.visitor):
        await visitor.context.set_offline(False)
    await expect(customer.title).to_have_text("Saiu para entrega")
    assert await customer.page.locator(".steps time").count() == 3
    await board.until_orders("received", *(each["order_id"] for each in later))
    await board.until_orders("out_for_delivery", order["order_id"])
    await expect(board.warning).to_be_hidden()


async def test_pages_pass_axe_in_both_schemes_and_languages(
    customer: CustomerPage, new_board: NewBoard, kitchen: Kitchen, stack: Stack
) -> None:
    """WCAG AA: no violation in any view, light and dark."""
    restaurant = await promote(kitchen, coxinha=5, pastel=1)
    await kitchen.order(restaurant, "k", ("pastel", 1))
    violations: dict[str, object] = {}

    async def audit(page: Page, view: str) -> None:
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            found = (await Axe().run(page)).response["violations"]
            if found:
                violations[f"{view} {scheme}"] = [(v["id"], [n["target"] for n in v["nodes"]]) for v in found]

    page = customer.page
    await customer.open_menu(restaurant)
    await page.goto(stack.url)
    await page.wait_for_selector(".restaurants")
    await audit(page, "promotions")
    await customer.open_menu(restaurant)
    await customer.add("coxinha")
    await audit(page, "menu")
    await page.get_by_role("button", name="EN English").click()
    await customer.check_out(re.compile("^Order$"))
    await customer.confirm("Confirm")
    await expect(customer.alert).to_have_text("Check the marked fields.")
    await audit(page, "order with faults")
    await customer.fill_in()
    await customer.confirm("Confirm")
    await expect(customer.title).to_have_text("Order confirmed")
    await audit(page, "tracking")
    board = await new_board(restaurant)
    await board.open()
    await audit(board.page, "token")
    await board.open_live(kitchen.token(restaurant))
    await audit(board.page, "board")
    assert violations == {}
