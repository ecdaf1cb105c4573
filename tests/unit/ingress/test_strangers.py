"""A stranger who knows an order's key, but not its body, gets nothing of the order; the real decider decides."""

import asyncio
from typing import Any

import pytest

from ingress.http.problems import Unavailable
from ingress.views.ports import OrderView, StatusChange
from schemas import codec, identity
from schemas.commands import AdvanceOrder, CancelOrder, PaymentResult
from schemas.notifications import PushSubscription
from schemas.settings import Settings
from schemas.timestamps import wall_clock
from schemas.topics import PUSH_SUBSCRIPTIONS
from tables.registry import ORDERS, key
from tests.support.domain.harness import DomainHarness
from tests.support.ingress.fakes import FakeProducer, FakeViews
from tests.support.ingress.samples import order_body
from tests.support.notifications.messages import Browser
from tests.unit.ingress.conftest import Client

KEY = "pedido-1042"
ORDER_ID = identity.order_id("r1", KEY)
BROWSER = Browser("https://push.example/send/1")
#: What only the first order says.
PRIVATE = ("Rua das Flores", "Ana Beatriz", "Coxinha")
ADDRESS = order_body()["delivery_address"]
VICTIM = order_body(
    items=[{"sku": "coxinha", "quantity": 2}],
    delivery_address=ADDRESS | {"street": "Rua das Flores"},
    customer={"name": "Ana Beatriz", "phone": "+5581987654321"},
)
BODIES: dict[str, dict[str, Any]] = {
    "another address": VICTIM | {"delivery_address": ADDRESS},
    "another name": VICTIM | {"customer": {"name": "Bruno", "phone": "+5581987654321"}},
    "another quantity": VICTIM | {"items": [{"sku": "coxinha", "quantity": 1}]},
    "an item that does not exist": VICTIM | {"items": [{"sku": "nothing", "quantity": 2}]},
    "another payment": VICTIM | {"payment": {"method": "cash"}},
}
PREFERENCES = ("", "wait=0", "wait=1", "respond-async")
STATES = ("pending", "received", "preparing", "delivered", "cancelled", "declined")


class LateProducer(FakeProducer):
    """Lets the real decider decide; each reply comes a moment later, so that a client that does not wait gets 202."""

    def __init__(self, domain: DomainHarness) -> None:
        super().__init__()
        self.domain = domain

    async def send(self, topic: str, key: bytes, value: bytes, headers: codec.Headers) -> None:
        if self.down:
            raise Unavailable()
        if topic == PUSH_SUBSCRIPTIONS.name:
            self.subscriptions.append((key, codec.decode(PushSubscription, value)))
            return
        command, address = codec.decode_command(value), codec.reply_address(headers)
        self.written.append((key, command, headers))
        reply = self.domain.do(command, address)
        for to, later in [(address, reply), *self.domain.deferred_replies]:
            if to is not None and later is not None and self.commands is not None:
                asyncio.get_running_loop().call_later(0.002, self.commands.deliver, to.correlation_id, later)
        self.domain.deferred_replies.clear()


@pytest.fixture
def domain() -> DomainHarness:
    """A restaurant with an item."""
    return DomainHarness(wall_clock()).open("r1", coxinha=500)


@pytest.fixture
def log(domain: DomainHarness) -> FakeProducer:
    return LateProducer(domain)


@pytest.fixture
def settings() -> Settings:
    """With Web Push, and room for many orders."""
    return Settings(
        token_secret="secret",
        order_reply_timeout_seconds=0.5,
        max_in_flight_commands=5_000,
        vapid_private_key="kpV3k6mxpbS5wNvPlzlsoLA7rHZk2WYj5QyqVb5nVh0",
    )


def show(domain: DomainHarness, views: FakeViews) -> None:
    """Put all orders into the views, as egress does."""
    for order in domain[ORDERS].values():
        changes = [StatusChange("pending", order.created_at, 1)]
        if order.status != "pending":
            changes.append(StatusChange(order.status, order.updated_at, order.version))
        views.orders[order.order_id] = OrderView(order, changes)


async def place(client: Client, body: object, preference: str = "", key_: str = KEY) -> tuple[int, Any]:
    headers = {"Idempotency-Key": key_} | ({"Prefer": preference} if preference else {})
    async with client.post("/v1/orders", json=body, headers=headers) as response:
        return response.status, await response.json()


async def place_first(client: Client, domain: DomainHarness, state: str) -> str:
    """Place the victim's order, bring it into this state, and return its token."""
    status, placed = await place(client, VICTIM, "wait=0")
    assert status == 202
    if state != "pending":
        outcome = "declined" if state == "declined" else "authorised"
        payment_id = domain[ORDERS][key("r1", ORDER_ID)].payment_id
        domain.do(PaymentResult("r1", ORDER_ID, "authorise", outcome, payment_id=payment_id))
    steps = {"preparing": 1, "delivered": 3}.get(state, 0)
    for step in ("preparing", "out_for_delivery", "delivered")[:steps]:
        domain.do(AdvanceOrder("r1", ORDER_ID, step))  # type: ignore[arg-type]
    if state == "cancelled":
        domain.do(CancelOrder("r1", ORDER_ID, "restaurant", "hash", "print"))
    return str(placed["token"])


async def try_everything(client: Client, token: str, order_id: str = ORDER_ID) -> dict[str, tuple[int, str]]:
    """Return the answers to every request that an order's token may open."""
    headers, url = {"Authorization": f"Bearer {token}"}, f"/v1/orders/{order_id}"
    browser = {"endpoint": BROWSER.endpoint, "keys": BROWSER.keys}
    requests: dict[str, tuple[str, str, object]] = {
        "read": ("GET", url, None),
        "follow": ("GET", url + "/events", None),
        "subscribe": ("POST", url + "/push", browser),
        "unsubscribe": ("DELETE", url + "/push", None),
        "cancel": ("POST", url + "/cancel", {}),
    }
    answers = {}
    for name, (method, path, body) in requests.items():
        given = headers | {"Idempotency-Key": "c"}
        async with client.request(method, path, json=body, headers=given) as response:
            answers[name] = (response.status, await response.text())
    return answers


async def read(client: Client, token: str) -> tuple[int, str]:
    """Get the order."""
    headers = {"Authorization": f"Bearer {token}"}
    async with client.get(f"/v1/orders/{ORDER_ID}", headers=headers) as response:
        return response.status, await response.text()


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("views_are", ["current", "empty", "down"])
async def test_stranger_with_the_key_gets_nothing(
    client: Client, domain: DomainHarness, log: FakeProducer, views: FakeViews, state: str, views_are: str
) -> None:
    """Whatever the body, however the stranger waits, whatever the views know: no token, no item, no status."""
    own = await place_first(client, domain, state)
    order, before = domain[ORDERS][key("r1", ORDER_ID)], len(domain.facts)
    if views_are == "current":
        show(domain, views)
    views.down = views_are == "down"
    for name, body in BODIES.items():
        for preference in PREFERENCES:
            status, answer = await place(client, body, preference)
            assert not any(word in str(answer) for word in (*PRIVATE, own)), (name, preference)
            if preference in ("", "wait=1") or views_are == "current":
                assert (status, answer["type"]) == (422, "/problems/idempotency-key-reused")
                continue
            assert status == 202
            for tried, (status, text) in (await try_everything(client, answer["token"])).items():
                allowed = (404, 503) if views_are == "down" else (404,)
                assert status in allowed, (name, preference, tried, status, text)
                assert not any(word in text for word in PRIVATE)
    assert not log.subscriptions and len(domain.facts) == before
    assert domain[ORDERS][key("r1", ORDER_ID)] == order
    views.down = False
    show(domain, views)
    assert (await read(client, own))[0] == 200


async def test_stranger_who_came_first_gets_nothing_either(
    client: Client, domain: DomainHarness, log: FakeProducer, views: FakeViews
) -> None:
    """The stranger's order was refused without a trace, so the key was free: the victim's order is not the stranger's."""
    status, stranger = await place(client, BODIES["an item that does not exist"], "wait=0")
    assert status == 202
    refused = await try_everything(client, stranger["token"])
    assert refused["read"][0] == 200 and '"status":"cancelled"' in refused["read"][1]
    assert refused["subscribe"][0] == refused["unsubscribe"][0] == 404 and not log.subscriptions
    own = await place_first(client, domain, "received")
    for is_shown in (False, True):
        if is_shown:
            show(domain, views)
        answers = await try_everything(client, stranger["token"])
        assert {status for status, _ in answers.values()} == {404}, answers
    assert (await read(client, own))[0] == 200


async def test_refusal_of_a_stranger_does_not_hide_an_order(
    client: Client, domain: DomainHarness, views: FakeViews
) -> None:
    """A refusal is that of the request; the view of the other request follows."""
    status, _ = await place(client, BODIES["an item that does not exist"])
    assert status == 404 and views.answers[ORDER_ID]
    own = await place_first(client, domain, "received")
    assert '"status":"received"' in (await read(client, own))[1]


async def test_thousand_guessed_keys_open_nothing(
    client: Client, domain: DomainHarness, log: FakeProducer, views: FakeViews
) -> None:
    """Numbers of orders as keys, other bodies, every preference: no answer has a word of the orders that are there."""
    guessed = [f"pedido-{number}" for number in range(1_000)]
    owned = {key_: (await place(client, VICTIM, "wait=0", key_))[1]["token"] for key_ in guessed[::20]}
    for order in list(domain[ORDERS].values()):
        domain.do(PaymentResult("r1", order.order_id, "authorise", "authorised", payment_id=order.payment_id))
    show(domain, views)
    for key_ in list(owned)[::2]:  # no view shows them yet
        del views.orders[identity.order_id("r1", key_)]
    # paid in cash, so that those which are placed are decided at once
    bodies, opened = [body | {"payment": {"method": "cash"}} for body in BODIES.values()], list[int]()
    for number, key_ in enumerate(guessed):
        preference = PREFERENCES[number % 4] if key_ not in owned else PREFERENCES[1 + number // 20 % 3]
        _, answer = await place(client, bodies[number % 5], preference, key_)
        if key_ in owned and "token" in answer:
            assert answer["token"] != owned[key_]
            headers = {"Authorization": f"Bearer {answer['token']}"}
            async with client.get(f"/v1/orders/{answer['order_id']}", headers=headers) as response:
                opened.append(response.status)
        elif key_ in owned:
            assert answer["type"] == "/problems/idempotency-key-reused"
    assert set(opened) == {404} and len(opened) > 15
