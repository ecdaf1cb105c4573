"""Web Push over HTTP: the public key, and who may subscribe to an order."""

from typing import Any

import pytest
from aiohttp import ClientResponse
from msgspec.structs import replace

from ingress.http.tokens import Tokens
from ingress.views.ports import OrderView
from schemas import vapid
from schemas.commands import Payment, PlaceOrder, RequestedItem
from schemas.notifications import PushSubscription
from schemas.settings import Settings
from tests.support.ingress.fakes import FakeProducer, FakeViews, order_of
from tests.support.notifications.messages import Browser
from tests.unit.ingress.conftest import Client

TOKENS = Tokens("secret", "adm")
KEY = "kpV3k6mxpbS5wNvPlzlsoLA7rHZk2WYj5QyqVb5nVh0"
ENDPOINT = "https://push.example/send/1"
PATH = "/v1/orders/o1/push"
BROWSER = Browser(ENDPOINT)
BODY: dict[str, Any] = {"endpoint": ENDPOINT, "expirationTime": None, "keys": BROWSER.keys}


@pytest.fixture
def settings() -> Settings:
    """With a VAPID key."""
    return Settings(admin_token="adm", token_secret="secret", vapid_private_key=KEY)


@pytest.fixture(autouse=True)
def shown(views: FakeViews) -> None:
    """One order is in the views."""
    command = PlaceOrder("o1", "r1", "hash", "print", [RequestedItem("coxinha", 1)], Payment("pix"))
    views.orders["o1"] = OrderView(order_of(command), [])


async def send(
    client: Client, method: str = "POST", body: Any = BODY, token: str = TOKENS.order("o1"), path: str = PATH
) -> ClientResponse:
    headers = {"Authorization": f"Bearer {token}"}
    return await client.request(method, path, json=body, headers=headers)


async def test_key_and_subscription(client: Client, log: FakeProducer) -> None:
    """What PushManager.subscribe() takes, and what PushSubscription.toJSON() returns; keyed by restaurant."""
    response = await client.get("/v1/push/key")
    assert await response.json() == {"key": vapid.public_key(KEY)} and len(vapid.public_key(KEY)) == 87
    response = await send(client)
    assert response.status == 201
    assert await response.json() == {"order_id": "o1", "endpoint": ENDPOINT}
    subscription = replace(BROWSER.subscription(), holder="")
    assert log.subscriptions == [(subscription.record_key(), subscription)]


async def test_subscription_has_a_language(client: Client, log: FakeProducer) -> None:
    """As every text that a person reads."""
    headers = {"Authorization": f"Bearer {TOKENS.order('o1')}", "Accept-Language": "en"}
    await client.post(PATH, json=BODY, headers=headers)
    assert log.subscriptions[0][1].language == "en"


@pytest.mark.parametrize("body", [None, {"endpoint": ENDPOINT}])
async def test_unsubscribe_one_or_all(client: Client, log: FakeProducer, body: Any) -> None:
    """With the endpoint in the body, or without a body."""
    response = await send(client, "DELETE", body)
    assert response.status == 204
    ((key, subscription),) = log.subscriptions
    assert subscription == (BROWSER.unsubscription() if body else PushSubscription("r1", "o1", "unsubscribe"))
    assert key == subscription.record_key()


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    ("token", "status"),
    [("x", 401), (TOKENS.order("o2"), 404), (TOKENS.restaurant("r1"), 404), ("adm", 404), ("", 401)],
)
async def test_only_the_customer_subscribes(
    client: Client, log: FakeProducer, method: str, token: str, status: int
) -> None:
    """The order's token opens it, and no other."""
    assert (await send(client, method, token=token)).status == status and not log.subscriptions


async def test_subscribe_before_the_view_is_503(client: Client, views: FakeViews) -> None:
    """Only the view names the order's restaurant."""
    views.orders.clear()
    response = await send(client)
    assert response.status == 503 and "Retry-After" in response.headers


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"endpoint": "http://push.example/1"}, "/endpoint"),
        ({"endpoint": "https://127.0.0.1/1"}, "/endpoint"),
        ({"endpoint": "https://push.example:6379/1"}, "/endpoint"),
        ({"endpoint": "ftp://push.example/"}, "/endpoint"),
        ({"keys": {**BROWSER.keys, "p256dh": "A" * 87}}, "/keys/p256dh"),
        ({"keys": {**BROWSER.keys, "p256dh": "short"}}, "/keys/p256dh"),
        ({"keys": {**BROWSER.keys, "auth": "A" * 21}}, "/keys/auth"),
        ({"keys": {"auth": "A" * 22}}, "/keys/p256dh"),
        ({"more": 1}, "/more"),
    ],
)
async def test_invalid_subscription_is_400(
    client: Client, log: FakeProducer, change: dict[str, Any], pointer: str
) -> None:
    """Contract: a JSON pointer for each fault."""
    response = await send(client, body=BODY | change)
    assert response.status == 400 and not log.subscriptions
    assert pointer in [error["pointer"] for error in (await response.json())["errors"]]


class TestWithoutKey:
    """An installation that pushes nothing."""

    @pytest.fixture
    def settings(self) -> Settings:
        """Without a VAPID key."""
        return Settings(admin_token="adm", token_secret="secret")

    async def test_push_is_404(self, client: Client, log: FakeProducer) -> None:
        """So that a page hides its button."""
        assert (await client.get("/v1/push/key")).status == 404
        assert (await send(client)).status == 404 and not log.subscriptions
