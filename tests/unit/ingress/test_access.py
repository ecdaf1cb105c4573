"""Authorization: every route of the application, with every token that must not open it."""

import aiohttp
import pytest
from aiohttp import web

from ingress.handlers.app_keys import TOKENS
from ingress.http.roles import Role
from ingress.http.tokens import Tokens
from ingress.openapi.route import Route
from ingress.routes import ROUTES
from ingress.views.ports import OrderView, StatusChange
from schemas import identity
from schemas.commands import Payment, PlaceOrder
from schemas.settings import Settings
from tests.support.ingress.apps import application
from tests.support.ingress.fakes import AT, FakeProducer, FakeViews, order_of
from tests.support.ingress.samples import item, menu
from tests.support.notifications.messages import Browser
from tests.unit.ingress.conftest import Client

MADE = Tokens("secret", "adm")
#: Two restaurants, and an order of each.
ORDERS = {restaurant: identity.order_id(restaurant, "k") for restaurant in ("r1", "r2")}
MISSING = {"restaurant_id": "r9", "order_id": identity.order_id("r9", "k"), "sku": "x", "promotion_id": "p"}

#: The tokens of two restaurants and their orders, by holder.
HOLDERS = {
    "the administrator": "adm",
    "r1": MADE.restaurant("r1"),
    "r2": MADE.restaurant("r2"),
    "the customer of r1": MADE.order(ORDERS["r1"]),
    "the customer of r2": MADE.order(ORDERS["r2"]),
    "a customer with an id for a restaurant": MADE.order("r1"),
    "a restaurant with an id for an order": MADE.restaurant(ORDERS["r1"]),
    "a token of another service": Tokens("other", "other").restaurant("r1"),
    "the beginning of a token": MADE.restaurant("r1")[:-1],
    "a token and more": MADE.restaurant("r1") + "A",
    "a word": "admin",
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


def owners(who: frozenset[Role], restaurant: str) -> set[str]:
    """Return the holders whose token opens a path of the restaurant."""
    may = {
        Role.ADMIN: "the administrator",
        Role.RESTAURANT: restaurant,
        Role.CUSTOMER: f"the customer of {restaurant}",
    }
    return {may[one] for one in who if one in may}


def path_of(template: str, restaurant: str) -> str:
    """Return a path of the template, for a restaurant that exists."""
    return template.format(
        restaurant_id=restaurant, order_id=ORDERS[restaurant], sku="x", promotion_id="p", slug="s"
    )


def body_of(template: str) -> object:
    """Return a valid body for the route."""
    return next((body for part, body in BODIES.items() if part in template), {"name": "Bar"})


#: What is written without a token: orders, and customers who get their first one.
PUBLIC_POSTS = {
    "/v1/orders",
    "/pedidos",
    "/v1/customers",
    "/v1/customers/verifications",
    "/v1/customers/verifications/{verification_id}",
}
PROTECTED = [route for route in ROUTES if route.tokens]
every_protected_route = pytest.mark.parametrize(
    "route", PROTECTED, ids=[f"{route.method} {route.path}" for route in PROTECTED]
)


@pytest.fixture
def settings() -> Settings:
    """With a VAPID key."""
    key = "kpV3k6mxpbS5wNvPlzlsoLA7rHZk2WYj5QyqVb5nVh0"
    return Settings(
        admin_token="adm",
        token_secret="secret",
        vapid_private_key=key,
        order_reply_timeout_seconds=0.3,
    )


@pytest.fixture(autouse=True)
def shown(views: FakeViews) -> None:
    """Both restaurants and both orders are in the views."""
    for restaurant, order_id in ORDERS.items():
        placed = PlaceOrder(order_id, restaurant, "hash", "fingerprint", [], Payment("pix"))
        views.orders[order_id] = OrderView(order_of(placed), [StatusChange("received", AT)])
        views.show(restaurant, menu([item("x")]))


async def ask(client: Client, method: str, path: str, template: str, token: str | None) -> tuple[int, bytes]:
    """Return the status and the body of an error; the body of an open stream never ends."""
    headers = {"Idempotency-Key": "k"} | ({"Authorization": f"Bearer {token}"} if token is not None else {})
    body = body_of(template) if method in ("POST", "PUT") else None
    async with client.request(method, path, headers=headers, json=body) as response:
        return response.status, b"" if response.ok else await response.read()


@every_protected_route
@pytest.mark.parametrize("restaurant", ["r1", "r2"])
async def test_only_owners_tokens_open_a_route(
    client: Client, log: FakeProducer, route: Route, restaurant: str
) -> None:
    """Every token of two restaurants, their customers and strangers, on every route: only the owners' are accepted."""
    method, template = route.method, route.path
    path, may = path_of(template, restaurant), owners(route.access, restaurant)
    log.decide = lambda command: None
    accepted = set()
    for holder, token in HOLDERS.items():
        written = len(log.written)
        status, body = await ask(client, method, path, template, token)
        if status not in (401, 403) and b"unknown-order" not in body:
            accepted.add(holder)
        else:
            assert len(log.written) == written, f"{holder} was rejected, and yet a command was written"
    assert accepted == may
    for token in (None, ""):
        assert (await ask(client, method, path, template, token))[0] == 401


@every_protected_route
async def test_rejection_does_not_reveal_what_exists(client: Client, route: Route) -> None:
    """The response is the same, byte for byte, whether or not the order or restaurant exists."""
    method, template = route.method, route.path
    there, nowhere = path_of(template, "r1"), template.format(**MISSING)
    for holder in set(HOLDERS) - owners(route.access, "r1") - {"the administrator"}:
        if holder == "the customer of r1":
            continue  # knows that the order exists
        token = HOLDERS[holder]
        assert await ask(client, method, there, template, token) == await ask(
            client, method, nowhere, template, token
        ), holder


def test_only_menus_new_orders_and_ops_are_public() -> None:
    """Guards the table itself: whatever changes or shows private data needs a token."""
    public = [route for route in ROUTES if Role.ANYONE in route.access]
    assert {route.path for route in public if route.method == "POST"} == PUBLIC_POSTS
    assert {route.method for route in public} == {"GET", "POST"}
    assert not [route for route in public if "{order_id}" in route.path]
    # the board asks for its token itself
    shown = {"/v1/restaurants/{restaurant_id}/menu", "/painel/{restaurant_id}"}
    assert {route.path for route in public if "{restaurant_id}" in route.path} == shown
    (put_restaurant,) = [
        r for r in ROUTES if (r.method, r.path) == ("PUT", "/v1/restaurants/{restaurant_id}")
    ]
    assert put_restaurant.access == {Role.ADMIN}


async def test_customer_cannot_advance_an_order(client: Client, log: FakeProducer) -> None:
    """A customer knows that the order exists, so the response is 403 and not 404."""
    path = f"/v1/orders/{ORDERS['r1']}/status"
    assert (await ask(client, "POST", path, "/status", HOLDERS["the customer of r1"]))[0] == 403
    assert not log.written


async def test_route_without_a_row_is_denied() -> None:
    """Forgetting the row must not open the route."""

    async def secret(request: web.Request) -> web.Response:
        raise AssertionError("reached")

    app = application(Settings(token_secret="secret"))
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


LATER = [route.path for route in ROUTES if Role.AUTHENTICATED_IN_HANDLER in route.access]


@pytest.mark.parametrize("template", LATER)
async def test_feed_rejects_other_tokens(client: Client, template: str) -> None:
    """The token is a subprotocol of a WebSocket; the feed is rejected, or closed with 4401 or 4403 before any message."""
    for holder in set(HOLDERS) - {"r1"}:
        offered = ("promo.feed.v1", f"bearer.{HOLDERS[holder]}")
        try:
            async with client.session.ws_connect(path_of(template, "r1"), protocols=offered) as feed:
                message = await feed.receive(timeout=5)
                assert message.type is aiohttp.WSMsgType.CLOSE and message.data in (4401, 4403), holder
        except aiohttp.WSServerHandshakeError as refused:
            assert refused.status in (401, 403), holder


async def test_application_stores_no_token() -> None:
    """Tokens are compared by their hashes, even the administrator's."""
    kept = repr(vars(application(Settings(token_secret="secret"))[TOKENS])) + repr(
        vars(Tokens("secret", "let-me-in"))
    )
    assert "let-me-in" not in kept
