"""Every route with every kind of token of every role: what opens it, and how all others are refused."""

import base64
import hmac
import json
import time

import aiohttp
import jwt
import msgspec
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from ingress.customers.issuer_keys import IssuerKeys
from ingress.customers.partner_tokens import Issuer, PartnerTokens
from ingress.handlers.app_keys import TOKENS
from ingress.http.issued_tokens import IssuedToken, IssuedTokens
from ingress.http.roles import Role
from ingress.http.signed_tokens import Signer
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
NOW = int(time.time())
#: Two restaurants, and an order of each; r1 also has one of an earlier release, without a holder.
ORDERS = {restaurant: identity.order_id(restaurant, "k") for restaurant in ("r1", "r2")}
OLDER = identity.order_id("r1", "older")
HOLDERS = {restaurant: identity.holder(f"request of {restaurant}") for restaurant in ORDERS}
MISSING = {"restaurant_id": "r9", "order_id": identity.order_id("r9", "k"), "sku": "x", "promotion_id": "p"}


def legacy(kind: str, subject: str) -> str:
    """Return a token as earlier releases made it."""
    raw = hmac.digest(b"secret", f"{kind}:{subject}".encode(), "sha256")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def of_order(restaurant: str, holder: str = "", created_at: str = "") -> str:
    """Return the token of a restaurant's order."""
    return MADE.order(ORDERS[restaurant], holder or HOLDERS[restaurant], created_at)


def with_our_key(**claims: object) -> str:
    """Return a token that is signed as ours, with these claims."""
    kid = jwt.get_unverified_header(of_order("r1"))["kid"]
    return jwt.encode(claims, Signer([b"secret"])._current, "HS256", headers={"kid": kid})


PARTNER = Issuer("https://shop.example", "promo", "phone", jwks_file="keys.json")
PARTNER_KEY = ec.generate_private_key(ec.SECP256R1())


def of_partner(expires_at: int) -> str:
    """Return the token of a partner's customer."""
    claims = {"iss": PARTNER.issuer, "aud": PARTNER.audience, "sub": "u-1", "exp": expires_at}
    return jwt.encode(claims, PARTNER_KEY, "ES256", headers={"kid": "k"})


ADMINS = {"the administrator": "adm", "the administrator maria": MADE.admin("maria", "a1")}
MANAGERS = {
    "r1's first manager": MADE.restaurant("r1"),
    "r1's second manager": MADE.restaurant("r1", "manager", "m1", NOW + 600),
    "r1's manager of an earlier release": legacy("restaurant", "r1"),
}
BOARDS = {"r1's board": MADE.restaurant("r1", "board", "b1")}
CUSTOMERS = {"the customer of r1": of_order("r1")}
PROVED = {
    "a customer of this device": MADE.customer("c1", "device"),
    "a customer with a phone": MADE.customer("c1", "phone"),
    "a partner's customer": of_partner(NOW + 600),
}
#: Valid tokens that open nothing of r1.
OTHERS = {
    "r2's manager": MADE.restaurant("r2"),
    "r2's board": MADE.restaurant("r2", "board", "b2"),
    "the customer of r2": of_order("r2"),
    "a stranger with the key of r1's order": of_order("r1", identity.holder("another request")),
    "a customer with an id for a restaurant": MADE.order("r1", HOLDERS["r1"]),
    "a restaurant with an id for an order": MADE.restaurant(ORDERS["r1"]),
    **PROVED,
}
#: An order's token of an earlier release, which is valid on its order alone and does not open one with a holder.
OF_EARLIER_RELEASE = {"an older token for r1's order": legacy("order", ORDERS["r1"])}
VALID = ADMINS | MANAGERS | BOARDS | CUSTOMERS | OTHERS
INVALID: dict[str, str | None] = {
    "none": None,
    "empty": "",
    "a word": "admin",
    "the beginning of a token": MADE.restaurant("r1")[:-1],
    "a token and more": MADE.restaurant("r1") + "AAAA",
    "forged: a restaurant's": Tokens("other", "other").restaurant("r1"),
    "forged: an order's": Tokens("other", "").order(ORDERS["r1"], HOLDERS["r1"]),
    "forged: an administrator's": Tokens("other", "").admin("maria", "a1"),
    "forged: no algorithm": jwt.encode(
        {"aud": "restaurant", "sub": "r1", "role": "manager", "jti": "1"}, None, "none"
    ),
    "expired: an order's": of_order("r1", created_at="2026-01-01T00:00:00.000Z"),
    "expired: a manager's": MADE.restaurant("r1", "manager", "m1", NOW - 1),
    "expired: an administrator's": MADE.admin("maria", "a1", NOW - 1),
    "expired: a customer's": MADE.customer("c1", "phone", NOW - 1),
    "expired: a partner's customer's": of_partner(NOW - 600),
    "not yet valid": with_our_key(aud="order", sub=ORDERS["r1"], hld=HOLDERS["r1"], nbf=NOW + 600),
    "of another audience": with_our_key(aud="partner", sub="r1", role="manager", jti="1"),
    "revoked: a manager's": MADE.restaurant("r1", "manager", "m0"),
    "revoked: a board's": MADE.restaurant("r1", "board", "b0"),
    "revoked: an administrator's": MADE.admin("maria", "a0"),
    "an older token of an order for a restaurant": legacy("order", "r1"),
    "an older token of another order": legacy("order", ORDERS["r2"]),
    "an older token of another restaurant": legacy("restaurant", "r2"),
}
TOKENS_BY_KIND: dict[str, str | None] = VALID | INVALID | OF_EARLIER_RELEASE

#: The kinds of token that open a route, by the route's row; those in the second set know that the order exists: 403.
ROWS: dict[str, tuple[set[str], set[str]]] = {
    "admin": ({*ADMINS}, set()),
    "manager or admin": ({*ADMINS, *MANAGERS}, set()),
    "restaurant": ({*MANAGERS, *BOARDS}, set()),
    "order: its parties": ({*CUSTOMERS, *MANAGERS, *BOARDS}, set()),
    "order: its customer or a manager": ({*CUSTOMERS, *MANAGERS}, {*BOARDS}),
    "order: its customer": ({*CUSTOMERS}, set()),
    "order: a manager": ({*MANAGERS}, {*CUSTOMERS, *BOARDS}),
    "a customer, or no token": ({"none", *PROVED}, set()),
    "public": ({*TOKENS_BY_KIND}, set()),
}
ROW_BY_ROUTE = {
    "GET /v1/restaurants": "public",
    "GET /v1/restaurants/{restaurant_id}/menu": "public",
    "GET /catalogo": "public",
    "POST /v1/orders": "a customer, or no token",
    "POST /pedidos": "a customer, or no token",
    "POST /v1/customers": "public",
    "POST /v1/customers/verifications": "public",
    "POST /v1/customers/verifications/{verification_id}": "public",
    "GET /v1/orders/{order_id}": "order: its parties",
    "GET /v1/orders/{order_id}/events": "order: its parties",
    "POST /v1/orders/{order_id}/cancel": "order: its customer or a manager",
    "POST /v1/orders/{order_id}/push": "order: its customer",
    "DELETE /v1/orders/{order_id}/push": "order: its customer",
    "GET /v1/push/key": "public",
    "PUT /v1/restaurants/{restaurant_id}": "admin",
    "PUT /v1/restaurants/{restaurant_id}/menu/{sku}": "manager or admin",
    "PUT /v1/restaurants/{restaurant_id}/promotions/{promotion_id}": "manager or admin",
    "DELETE /v1/restaurants/{restaurant_id}": "admin",
    "DELETE /v1/restaurants/{restaurant_id}/menu/{sku}": "manager or admin",
    "DELETE /v1/restaurants/{restaurant_id}/promotions/{promotion_id}": "manager or admin",
    "POST /v1/restaurants/{restaurant_id}/webhook-secrets": "manager or admin",
    "POST /v1/orders/{order_id}/status": "order: a manager",
    "GET /v1/restaurants/{restaurant_id}/dashboard": "restaurant",
    "GET /v1/restaurants/{restaurant_id}/feed": "restaurant",
    "GET /health/live": "public",
    "GET /health/ready": "public",
    "GET /metrics": "public",
    "GET /openapi.json": "public",
    "GET /docs": "public",
    "GET /problems/{slug}": "public",
    "GET /": "public",
    "GET /painel/{restaurant_id}": "public",
    "GET /web/{version}/{name}": "public",
    "GET /sw.js": "public",
}
#: What is written without a token: orders, and what gives a customer a token.
PUBLIC_POSTS = {
    "/v1/orders",
    "/pedidos",
    "/v1/customers",
    "/v1/customers/verifications",
    "/v1/customers/verifications/{verification_id}",
}
BROWSER = Browser("https://push.example/send/1")
BODIES: dict[str, object] = {
    "/push": {"endpoint": BROWSER.endpoint, "keys": BROWSER.keys},
    "/status": {"status": "preparing"},
    "/cancel": {},
    "/webhook-secrets": {},
    "/menu/": {"name": "Coxinha", "price": {"amount": 1, "currency": "BRL"}},
    "/promotions/": {
        "starts_at": "2026-01-01T00:00:00Z",
        "ends_at": "2026-01-02T00:00:00Z",
        "items": [{"sku": "x", "promo_price": {"amount": 1, "currency": "BRL"}}],
    },
}


def name_of(route: Route) -> str:
    """Return the route's name in the table."""
    return f"{route.method} {route.path}"


def refusal(route: Route, kind: str) -> int | None:
    """Return the status that a token is refused with, as the table says; None if it opens the route."""
    opens, knows = ROWS[ROW_BY_ROUTE[name_of(route)]]
    if kind in opens:
        return None
    is_order = "{order_id}" in route.path
    if kind in INVALID or (kind in OF_EARLIER_RELEASE and not is_order):
        return 401
    if kind == "r1's manager of an earlier release" and "{" not in route.path:
        return 401  # it is valid for its restaurant alone, which no path here names
    return 404 if is_order and kind not in knows else 403


def path_of(template: str, restaurant: str = "r1", order_id: str = ORDERS["r1"]) -> str:
    """Return a path of the template, for a restaurant and an order that exist."""
    return template.format(
        restaurant_id=restaurant,
        order_id=order_id,
        sku="x",
        promotion_id="p",
        slug="s",
        verification_id="v",
        version="v",
        name="n",
    )


def body_of(template: str) -> object:
    """Return a valid body for the route."""
    return next((body for part, body in BODIES.items() if part in template), {"name": "Bar"})


FOLLOWED = [route for route in ROUTES if Role.AUTHENTICATED_IN_HANDLER in route.access]
REQUESTED = [route for route in ROUTES if route not in FOLLOWED]
PROTECTED = [route for route in REQUESTED if ROW_BY_ROUTE.get(name_of(route)) != "public"]


@pytest.fixture
def settings() -> Settings:
    """With a VAPID key."""
    key = "kpV3k6mxpbS5wNvPlzlsoLA7rHZk2WYj5QyqVb5nVh0"
    return Settings(
        admin_token="adm",
        token_secret="secret",
        webhook_secret="secret",
        vapid_private_key=key,
        order_reply_timeout_seconds=0.01,
        max_in_flight_commands=1000,
    )


@pytest.fixture
def issued() -> IssuedTokens:
    """Further tokens of each kind."""
    issued = IssuedTokens()
    for token in (
        IssuedToken("admin", "maria", "a1"),
        IssuedToken("restaurant", "r1", "m1", "manager"),
        IssuedToken("restaurant", "r1", "b1", "board"),
        IssuedToken("restaurant", "r2", "b2", "board"),
    ):
        issued.load(token.key, msgspec.json.encode(token))
    return issued


@pytest.fixture
def partner_tokens() -> PartnerTokens:
    """One partner, whose keys are known."""

    async def load() -> bytes:
        key = json.loads(ECAlgorithm.to_jwk(PARTNER_KEY.public_key()))
        return json.dumps({"keys": [key | {"kid": "k"}]}).encode()

    return PartnerTokens([PARTNER], {PARTNER.issuer: IssuerKeys(PARTNER.issuer, load)})


@pytest.fixture(autouse=True)
def shown(views: FakeViews, log: FakeProducer) -> None:
    """Both restaurants and all orders are in the views; no command gets a reply."""
    log.decide = lambda command: None
    for restaurant, order_id in [*ORDERS.items(), ("r1", OLDER)]:
        placed = PlaceOrder(order_id, restaurant, "hash", "fingerprint", [], Payment("pix"))
        holder = msgspec.UNSET if order_id == OLDER else HOLDERS[restaurant]
        order = msgspec.structs.replace(order_of(placed), holder=holder, created_at=created_at(NOW - 60))
        views.orders[order_id] = OrderView(order, [StatusChange("received", AT)])
        views.show(restaurant, menu([item("x")]))


def created_at(seconds: int) -> str:
    """Return an instant as an order has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


async def ask(client: Client, method: str, path: str, template: str, token: str | None) -> tuple[int, bytes]:
    """Return the status and the body of an error; the body of an open stream never ends."""
    headers = {"Idempotency-Key": "k"} | ({"Authorization": f"Bearer {token}"} if token is not None else {})
    body = body_of(template) if method in ("POST", "PUT") else None
    async with client.request(method, path, headers=headers, json=body) as response:
        challenge = response.headers.get("WWW-Authenticate", "")
        assert challenge.startswith("Bearer") is (response.status == 401)
        return response.status, b"" if response.ok else await response.read()


def test_every_route_has_a_row() -> None:
    """A route that is new is not tested until the table says who may use it."""
    assert {name_of(route) for route in ROUTES} == ROW_BY_ROUTE.keys()


@pytest.mark.parametrize("route", REQUESTED, ids=name_of)
async def test_every_kind_of_token_on_every_route(client: Client, log: FakeProducer, route: Route) -> None:
    """Each token opens what the table says; one that is refused gets the table's status, and writes no command."""
    found, wanted = {}, {}
    for kind, token in TOKENS_BY_KIND.items():
        written = len(log.written) + len(log.subscriptions)
        status, body = await ask(client, route.method, path_of(route.path), route.path, token)
        is_refused = status in (401, 403) or b"/problems/unknown-order" in body
        found[kind], wanted[kind] = status if is_refused else None, refusal(route, kind)
        assert not is_refused or len(log.written) + len(log.subscriptions) == written, kind
    assert found == wanted


@pytest.mark.parametrize("route", PROTECTED, ids=name_of)
async def test_rejection_does_not_reveal_what_exists(client: Client, route: Route) -> None:
    """The response is the same, byte for byte, whether or not the order or restaurant exists.

    A restaurant's older token is valid on its own paths alone, so it is left out: it knows its restaurant.
    """
    there, nowhere = path_of(route.path), route.path.format(**MISSING)
    knows = ROWS[ROW_BY_ROUTE[name_of(route)]][1] | {"r1's manager of an earlier release"}
    for kind, token in (VALID | INVALID).items():
        if refusal(route, kind) is not None and kind not in knows:
            answers = [await ask(client, route.method, path, route.path, token) for path in (there, nowhere)]
            assert answers[0] == answers[1], kind


@pytest.mark.parametrize("route", FOLLOWED, ids=name_of)
async def test_every_kind_of_token_on_every_feed(client: Client, route: Route) -> None:
    """The token is a subprotocol; a feed is closed with 4401 or 4403 before any message, as the table says."""
    codes: dict[int | None, int | None] = {401: 4401, 403: 4403, None: None}
    for kind, token in TOKENS_BY_KIND.items():
        if not token:
            continue  # then the token comes in the first message
        offered = ("promo.feed.v1", f"bearer.{token}")
        async with client.session.ws_connect(path_of(route.path), protocols=offered) as feed:
            wanted = codes[refusal(route, kind)]
            if wanted is not None:
                message = await feed.receive(timeout=5)
                assert message.type is aiohttp.WSMsgType.CLOSE and message.data == wanted, kind


@pytest.mark.parametrize(("age_days", "opens"), [(0, True), (29, True), (31, False)])
async def test_older_token_opens_older_orders_for_30_days(
    client: Client, views: FakeViews, age_days: int, opens: bool
) -> None:
    """It is the HMAC of an id, so it cannot say which request it was for: an order with a holder stays closed to it."""
    view = views.orders[OLDER]
    order = msgspec.structs.replace(view.order, created_at=created_at(NOW - age_days * 86_400))
    views.orders[OLDER] = msgspec.structs.replace(view, order=order)
    route = next(route for route in ROUTES if name_of(route) == "GET /v1/orders/{order_id}")
    for token in (legacy("order", OLDER), MADE.order(OLDER)):
        status, _ = await ask(client, "GET", path_of(route.path, order_id=OLDER), route.path, token)
        assert status == (200 if opens or token == MADE.order(OLDER) else 404)
    stranger = MADE.order(OLDER, HOLDERS["r1"])
    assert (await ask(client, "GET", path_of(route.path, order_id=OLDER), route.path, stranger))[0] == 404


def test_only_menus_new_orders_and_ops_are_public() -> None:
    """Guards the table itself: whatever changes or shows private data needs a token."""
    public = [route for route in ROUTES if Role.ANYONE in route.access]
    assert {route.path for route in public if route.method == "POST"} == PUBLIC_POSTS
    assert {route.method for route in public} == {"GET", "POST"}
    assert not [route for route in public if "{order_id}" in route.path]
    # the board asks for its token itself
    shown = {"/v1/restaurants/{restaurant_id}/menu", "/painel/{restaurant_id}"}
    assert {route.path for route in public if "{restaurant_id}" in route.path} == shown
    of_restaurants = [r for r in ROUTES if r.path == "/v1/restaurants/{restaurant_id}"]
    assert {r.method: r.access for r in of_restaurants} == {"PUT": {Role.ADMIN}, "DELETE": {Role.ADMIN}}


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
        for token in filter(None, TOKENS_BY_KIND.values()):
            async with session.get(url, headers={"Authorization": f"Bearer {token}"}) as response:
                assert response.status == 403
    await runner.cleanup()


async def test_application_stores_no_token() -> None:
    """Tokens are compared by their hashes, even the administrator's."""
    kept = repr(vars(application(Settings(token_secret="secret"))[TOKENS])) + repr(
        vars(Tokens("secret", "let-me-in"))
    )
    assert "let-me-in" not in kept
