"""Who may do what: every route of the application, with every token that is not meant for it."""

from collections.abc import Iterator

import aiohttp
import pytest
from aiohttp import web

from ingress.access import ACCESS, PUBLIC, Who
from ingress.app import make_app
from ingress.asking import Asking
from ingress.health import Health
from ingress.keys import TOKENS
from ingress.tokens import Tokens
from ingress.views import OrderView, StatusChange
from schemas import identity
from schemas.commands import Payment, PlaceOrder
from schemas.settings import Settings
from tests.ingress.conftest import Client
from tests.ingress.fakes import AT, FakeLog, FakeViews, QuietFeeds, order_of
from tests.ingress.samples import item, menu
from tests.notifying.messages import Browser
from tests.privacy.keyrings import whole_keyring

MADE = Tokens("secret", "adm")
#: Two restaurants, and an order of each.
ORDERS = {restaurant: identity.order_id(restaurant, "k") for restaurant in ("r1", "r2")}
NOBODY = {"restaurant_id": "r9", "order_id": identity.order_id("r9", "k"), "sku": "x", "promotion_id": "p"}

#: Every token that there is in a world of two restaurants, by who has it.
HOLDERS = {
    "the administrator": "adm",
    "r1": MADE.restaurant("r1"),
    "r2": MADE.restaurant("r2"),
    "the customer of r1": MADE.order(ORDERS["r1"]),
    "the customer of r2": MADE.order(ORDERS["r2"]),
    "a customer with an id for a restaurant": MADE.order("r1"),
    "a restaurant with an id for an order": MADE.restaurant(ORDERS["r1"]),
    "somebody of another service": Tokens("other", "other").restaurant("r1"),
    "who sends only the beginning": MADE.restaurant("r1")[:-1],
    "who sends more": MADE.restaurant("r1") + "A",
    "who sends a word": "admin",
}
BROWSER = Browser("https://push.example/send/1")
BODIES: dict[str, object] = {
    "/push": {"endpoint": BROWSER.endpoint, "keys": BROWSER.keys},
    "/status": {"status": "preparing"},
    "/cancel": {},
    "/menu/": {"name": "Coxinha", "price": {"amount": 1, "currency": "BRL"}},
    "/promotions/": {
        "starts_at": "2026-01-01T00:00:00Z",
        "ends_at": "2026-01-02T00:00:00Z",
        "items": [{"sku": "x", "promo_price": {"amount": 1, "currency": "BRL"}}],
    },
}


def owners(who: frozenset[Who], restaurant: str) -> set[str]:
    """Return who of the holders may, on the path of a restaurant."""
    may = {
        Who.ADMIN: "the administrator",
        Who.RESTAURANT: restaurant,
        Who.CUSTOMER: f"the customer of {restaurant}",
    }
    return {may[one] for one in who if one in may}


def path_of(template: str, restaurant: str) -> str:
    """Return a path of the template, of a restaurant that is there."""
    return template.format(
        restaurant_id=restaurant, order_id=ORDERS[restaurant], sku="x", promotion_id="p", slug="s"
    )


def body_of(template: str) -> object:
    """Return a body that the route takes."""
    return next((body for part, body in BODIES.items() if part in template), {"name": "Bar"})


def protected() -> Iterator[tuple[str, str]]:
    """Yield the routes that need a token in the request."""
    for route, who in ACCESS.items():
        if who != PUBLIC and Who.ASKED_LATER not in who:
            yield route


@pytest.fixture
def settings() -> Settings:
    """With a key to push with."""
    key = "kpV3k6mxpbS5wNvPlzlsoLA7rHZk2WYj5QyqVb5nVh0"
    return Settings(
        admin_token="adm",
        token_secret="secret",
        vapid_private_key=key,
        order_wait_seconds=0.3,
    )


@pytest.fixture(autouse=True)
def shown(views: FakeViews) -> None:
    """Both restaurants and both orders are in the views."""
    for restaurant, order_id in ORDERS.items():
        placed = PlaceOrder(order_id, restaurant, "hash", "fingerprint", [], Payment("pix"))
        views.orders[order_id] = OrderView(order_of(placed), [StatusChange("received", AT)])
        views.show(restaurant, menu([item("x")]))


def application() -> web.Application:
    """Return the application, which is not run."""

    async def well() -> bool:
        return True

    return make_app(
        Settings(token_secret="secret"),
        Asking(FakeLog(), 0, 1),
        FakeViews(),
        Health({"x": well}),
        whole_keyring(),
        QuietFeeds(),
    )


async def ask(client: Client, method: str, path: str, template: str, token: str | None) -> tuple[int, bytes]:
    """Ask; status and, of what was refused, the body: a stream that was opened does not end."""
    headers = {"Idempotency-Key": "k"} | ({"Authorization": f"Bearer {token}"} if token is not None else {})
    body = body_of(template) if method in ("POST", "PUT") else None
    async with client.request(method, path, headers=headers, json=body) as response:
        return response.status, b"" if response.ok else await response.read()


async def test_every_route_has_its_row_and_every_row_its_route() -> None:
    """A route that somebody adds must say who may: write its row in ingress/access.py."""
    routes = {
        (r.method, r.resource.canonical)
        for r in application().router.routes()
        if r.resource and r.method != "HEAD"
    }
    assert routes == set(ACCESS)


@pytest.mark.parametrize("route", list(protected()), ids=" ".join)
@pytest.mark.parametrize("restaurant", ["r1", "r2"])
async def test_swapped_ids_and_tokens_open_nothing(
    client: Client, log: FakeLog, route: tuple[str, str], restaurant: str
) -> None:
    """Every token of either restaurant, its customers and strangers, on every route: only the owners' are taken."""
    method, template = route
    path, may = path_of(template, restaurant), owners(ACCESS[route], restaurant)
    log.decide = lambda command: None
    taken = set()
    for holder, token in HOLDERS.items():
        written = len(log.written)
        status, said = await ask(client, method, path, template, token)
        if status not in (401, 403) and b"unknown-order" not in said:
            taken.add(holder)
        else:
            assert len(log.written) == written, f"{holder} was refused and yet heard"
    assert taken == may
    for token in (None, ""):
        assert (await ask(client, method, path, template, token))[0] == 401


@pytest.mark.parametrize("route", list(protected()), ids=" ".join)
async def test_a_refusal_does_not_tell_what_exists(client: Client, route: tuple[str, str]) -> None:
    """The same answer, byte for byte, whether there is such an order or restaurant or not."""
    method, template = route
    there, nowhere = path_of(template, "r1"), template.format(**NOBODY)
    for holder in set(HOLDERS) - owners(ACCESS[route], "r1") - {"the administrator"}:
        if holder == "the customer of r1":
            continue  # knows that the order is there
        token = HOLDERS[holder]
        assert await ask(client, method, there, template, token) == await ask(
            client, method, nowhere, template, token
        ), holder


async def test_what_changes_or_shows_somebodys_own_needs_a_token() -> None:
    """The table itself may be wrong: only orders that are made, menus and what operators ask are for anybody."""
    public = {path for (_, path), who in ACCESS.items() if who == PUBLIC}
    assert not [path for path in public if "{order_id}" in path]
    assert not [
        path
        for (method, path), who in ACCESS.items()
        if who == PUBLIC and method in ("PUT", "DELETE", "PATCH")
    ]
    assert {path for (method, path), who in ACCESS.items() if who == PUBLIC and method == "POST"} == {
        "/v1/orders",
        "/pedidos",
    }
    shown = {
        "/v1/restaurants/{restaurant_id}/menu",
        "/painel/{restaurant_id}",
    }  # the board asks for its token itself
    assert {path for path in public if "{restaurant_id}" in path} == shown
    assert ACCESS[("PUT", "/v1/restaurants/{restaurant_id}")] == {Who.ADMIN}


async def test_a_customer_cannot_move_an_order_on(client: Client, log: FakeLog) -> None:
    """Who knows that the order is there is told that it is not for a customer to say."""
    path = f"/v1/orders/{ORDERS['r1']}/status"
    assert (await ask(client, "POST", path, "/status", HOLDERS["the customer of r1"]))[0] == 403
    assert not log.written


async def test_a_route_without_a_row_is_nobodys() -> None:
    """Forgetting the row must not open the route."""

    async def secret(request: web.Request) -> web.Response:
        raise AssertionError("reached")

    app = application()
    app.router.add_get("/v1/secrets", secret)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/secrets"
    async with aiohttp.ClientSession() as session:
        for token in HOLDERS.values():
            async with session.get(url, headers={"Authorization": f"Bearer {token}"}) as response:
                assert response.status == 403
    await runner.cleanup()


LATER = [path for (method, path), who in ACCESS.items() if Who.ASKED_LATER in who]


@pytest.mark.parametrize("template", LATER)
async def test_a_feed_opens_to_no_other_token(client: Client, template: str) -> None:
    """Where the token comes as a subprotocol of a WebSocket: refused, or closed with 4401 or 4403 before any message."""
    for holder in set(HOLDERS) - {"r1"}:
        offered = ("promo.feed.v1", f"bearer.{HOLDERS[holder]}")
        try:
            async with client.session.ws_connect(path_of(template, "r1"), protocols=offered) as feed:
                message = await feed.receive(timeout=5)
                assert message.type is aiohttp.WSMsgType.CLOSE and message.data in (4401, 4403), holder
        except aiohttp.WSServerHandshakeError as refused:
            assert refused.status in (401, 403), holder


async def test_the_application_keeps_no_token_and_no_secret_but_what_it_derives_with() -> None:
    """Tokens are compared by their hashes: none is kept, not even the administrator's."""
    kept = repr(vars(application()[TOKENS])) + repr(vars(Tokens("secret", "let-me-in")))
    assert "let-me-in" not in kept
