"""Cash orders through the application, decided by the real domain: bounded by address, whatever identities say."""

from typing import Any

import pytest
from msgspec.structs import replace

from ingress.http.client_addresses import client_digest
from schemas.commands import PlaceOrder, PromotionItem
from schemas.money import Money
from schemas.settings import Settings
from streams.domain.decision import Policy
from tests.support.domain.harness import DomainHarness, promotion
from tests.support.ingress.fakes import FakeProducer
from tests.support.ingress.samples import as_customer, order_body
from tests.unit.ingress.conftest import Client

LIMIT = 5
IDENTITIES = 1000


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Without rate limits, so that only the limits of cash orders bound one address."""
    return replace(settings, client_orders_per_second=0)


@pytest.fixture
def domain(log: FakeProducer) -> DomainHarness:
    """A restaurant that decides what ingress writes: five cash orders an address, two of them of one customer."""
    policy = Policy(cash_orders_per_customer=2, cash_orders_per_address=LIMIT, cash_order_portions=8)
    opened = DomainHarness(policy=policy).open(coxinha=5000)
    opened.do(promotion(PromotionItem("coxinha", Money(490), 5000)))
    log.decide = opened.do
    return opened


def identified(identity: str, **changes: Any) -> dict[str, Any]:
    """Return how an order is sent on behalf of an identity."""
    lines = [{"sku": "coxinha", "quantity": 2}]
    return {"json": order_body(items=lines, **changes)} | {"headers": as_customer(identity)}


async def order(client: Client, key: str, identity: str, address: str = "", method: str = "cash") -> Any:
    """Place an order from an address; empty: this machine. Return the status and the body."""
    sent = identified(identity, payment={"method": method})
    sent["headers"] |= {"Idempotency-Key": key} | ({"X-Forwarded-For": address} if address else {})
    async with client.post("/v1/orders", **sent) as response:
        return response.status, await response.json()


async def test_one_address_with_many_identities_gets_what_one_may(client: Client, domain: DomainHarness):
    """A thousand identities behind one address; another address, and who pays first, are not affected."""
    for number in range(IDENTITIES):
        status, body = await order(client, f"k{number}", f"device-{number}", "203.0.113.7")
        assert status == (201 if number < LIMIT else 409), body
    assert body["type"].endswith("cash-limit-reached")
    assert body["limits"] == [{"scope": "address", "limit": LIMIT, "left": 0}]
    assert domain.stock("coxinha").reserved == 2 * LIMIT
    assert (await order(client, "other", "device-0", "203.0.113.8"))[0] == 201
    assert (await order(client, "paid", "device-9", "203.0.113.7", "pix"))[0] == 202


async def test_addresses_of_one_network_are_one_client(client: Client, domain: DomainHarness):
    """An IPv6 customer has a whole /64."""
    statuses = [
        (await order(client, f"k{n}", f"c{n}", f"2001:db8:0:1::{n + 1}"))[0] for n in range(LIMIT + 1)
    ]
    assert statuses == [201] * LIMIT + [409]
    assert (await order(client, "next", "c", "2001:db8:0:2::1"))[0] == 201


async def test_a_customer_is_bounded_behind_many_addresses(client: Client, domain: DomainHarness):
    """Each address is new, the identity is not."""
    statuses = [(await order(client, f"k{n}", "ana", f"203.0.113.{n}"))[0] for n in range(3)]
    assert statuses == [201, 201, 409]


async def test_the_refusal_can_be_read_and_replayed(client: Client, domain: DomainHarness):
    """The same answer again for the key, in the reader's language, with the way out."""
    body = order_body(items=[{"sku": "coxinha", "quantity": 9}], payment={"method": "cash"})
    headers = {"Idempotency-Key": "k", "Accept-Language": "en"}
    answers = []
    for _ in range(2):
        async with client.post("/v1/orders", headers=headers, json=body) as response:
            answers.append(await response.json())
            assert response.status == 409
    assert answers[0] == answers[1] and answers[0]["limits"] == [{"scope": "order", "limit": 8, "left": 8}]
    assert "Pix" in answers[0]["detail"]


@pytest.mark.parametrize("method, address", [("cash", ""), ("pix", "203.0.113.7"), ("card", "203.0.113.7")])
async def test_no_other_order_says_its_client(client: Client, log: FakeProducer, method: str, address: str):
    """Only a cash order is counted by its address, and only of an address that has limits."""
    await order(client, "k", "ana", address, method)
    ((_, command, _),) = log.written
    assert isinstance(command, PlaceOrder) and command.client == ""


async def test_a_command_has_a_digest_and_not_the_address(client: Client, log: FakeProducer):
    """It depends on the restaurant and the secret, and has 24 hexadecimal digits."""
    await order(client, "k", "ana", "203.0.113.7")
    ((_, command, _),) = log.written
    assert command.client == client_digest("secret", "r1", "203.0.113.7") and len(command.client) == 24
    assert command.client != client_digest("secret", "r2", "203.0.113.7")
    assert command.client != client_digest("other", "r1", "203.0.113.7")
