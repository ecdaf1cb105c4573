"""The life of an order, over HTTP: paid, advanced, cancelled, refunded, declined, decided late."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from compose.supervisor.services import fetch
from tests.e2e.customers import Answer, Kitchen
from tests.e2e.stack import Stack
from tests.support.payments.real_provider import ProviderClient
from tests.support.waiting import eventually

Order = dict[str, Any]


@pytest.fixture
async def provider(stack: Stack) -> AsyncIterator["Provider"]:
    """The stack's payment provider; its behaviour is reset at the end."""
    token = (stack.data_dir / "provider-token").read_text()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        provider = Provider(session, stack.provider_url)
        yield provider
        await provider.behave()


class Provider:
    """A client of the simulated provider."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def behave(self, **behaviour: float) -> None:
        async with self._session.put(self._url + "/behaviour", json=behaviour) as response:
            assert response.status == 200

    async def entries(self, order: Order) -> list[dict[str, Any]]:
        """Return the ledger's entries of an order."""
        entries = await ProviderClient(self._session, self._url).ledger()
        return [entry for entry in entries if entry["order_id"] == order["order_id"]]

    async def kinds(self, order: Order) -> Counter[str]:
        """Count the ledger's entries of an order by kind."""
        return Counter(entry["kind"] for entry in await self.entries(order))


async def placed(kitchen: Kitchen, restaurant: str, key: str, status: int = 201, **headers: str) -> Order:
    answer = await kitchen.order(restaurant, key, ("coxinha", 1), **headers)
    assert answer.status == status, answer.body
    order: Order = json.loads(answer.body)
    return order


def is_shown(kitchen: Kitchen, order: Order, **expected: Any) -> Callable[[], Awaitable[bool]]:
    """Return a condition: the order is shown with these fields."""

    async def check() -> bool:
        return expected.items() <= (await kitchen.get_order(order)).items()

    return check


def slug(answer: Answer) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["type"].rpartition("/")[2]


async def portions(kitchen: Kitchen, restaurant: str) -> int | None:
    menu = json.loads((await kitchen.call("GET", f"/v1/restaurants/{restaurant}/menu")).body)
    count: int | None = menu["items"][0]["availability"]["count"]
    return count


async def test_order_is_paid_prepared_and_delivered(kitchen: Kitchen, provider: Provider) -> None:
    """Every status, each once, in order; no further transition, and one payment."""
    order = await placed(kitchen, await kitchen.open(coxinha=5), "k")
    for status in ("preparing", "out_for_delivery", "delivered"):
        assert (await kitchen.advance(order, status)).status == 200
    assert slug(await kitchen.advance(order, "preparing")) == (409, "invalid-transition")
    assert slug(await kitchen.cancel(order)) == (409, "too-late")
    await eventually(is_shown(kitchen, order, status="delivered", status_label="entregue", refund=None))
    history = [change["status"] for change in (await kitchen.get_order(order))["history"]]
    assert history == ["pending", "received", "preparing", "out_for_delivery", "delivered"]
    assert await provider.kinds(order) == {"authorised": 1}


async def test_cancelled_order_is_refunded_and_releases_its_portion(
    kitchen: Kitchen, provider: Provider
) -> None:
    """Exactly one refund, of the amount that was paid; a repeated cancellation gets the same answer."""
    restaurant = await kitchen.open(coxinha=1)
    order = await placed(kitchen, restaurant, "k1")
    assert (await kitchen.order(restaurant, "k2", ("coxinha", 1))).status == 409
    first, again = await kitchen.cancel(order), await kitchen.cancel(order)
    assert (first.status, first.replayed, again.replayed) == (200, False, True)
    assert first.body == again.body
    money = {"amount": 1000, "currency": "BRL"}
    assert json.loads(first.body)["refund"] == {"status": "pending", "amount": money}
    refunded = {"status": "refunded", "amount": money}
    await eventually(is_shown(kitchen, order, status="cancelled", reason="customer", refund=refunded))
    taken, returned = await provider.entries(order)
    assert (taken["kind"], returned["kind"]) == ("authorised", "refunded")
    assert (returned["payment_id"], returned["returns"]) == (taken["payment_id"], taken["reference"])
    assert taken["payment_id"] != order["order_id"]

    async def free() -> bool:
        return await portions(kitchen, restaurant) == 1

    await eventually(free)
    assert (await placed(kitchen, restaurant, "k3"))["status"] == "received"


async def test_declined_order_is_402_and_releases_its_portion(kitchen: Kitchen, provider: Provider) -> None:
    """Contract: 402 `payment-declined`; the next customer gets the portion."""
    restaurant = await kitchen.open(coxinha=1)
    await provider.behave(decline=1)
    declined = await kitchen.order(restaurant, "k1", ("coxinha", 1))
    assert slug(declined) == (402, "payment-declined")
    assert json.loads(declined.body)["reason"] == "payment_declined"
    await provider.behave()
    again = await kitchen.order(restaurant, "k1", ("coxinha", 1))
    assert (again.status, again.body, again.replayed) == (402, declined.body, True)
    assert (await placed(kitchen, restaurant, "k2"))["status"] == "received"


async def test_slow_payment_is_202_and_confirmed_later(kitchen: Kitchen, provider: Provider) -> None:
    """Contract: 202 if not decided within the wait; a retry gets the outcome of the first attempt."""
    restaurant = await kitchen.open(coxinha=1)
    await provider.behave(delay_ms=1000)
    order = await placed(kitchen, restaurant, "k", 202, Prefer="wait=0.2")
    assert order["status"] == "pending"
    confirmed = await kitchen.order(restaurant, "k", ("coxinha", 1))
    assert (confirmed.status, confirmed.replayed) == (201, True)
    await eventually(is_shown(kitchen, order, status="received"))


async def test_order_cancelled_during_payment_is_not_charged(kitchen: Kitchen, provider: Provider) -> None:
    """The refund overtakes the authorisation, or follows it: no authorisation remains."""
    restaurant = await kitchen.open(coxinha=1)
    await provider.behave(delay_ms=500, delay_jitter_ms=500)
    order = await placed(kitchen, restaurant, "k", 202, Prefer="respond-async")
    assert (await kitchen.cancel(order)).status == 200

    async def settled() -> bool:
        kinds = await provider.kinds(order)
        return kinds in ({"authorised": 1, "refunded": 1}, {"voided": 1, "declined": 1})

    await eventually(settled)


def test_token_of_the_provider_is_in_no_log(stack: Stack) -> None:
    """`make up` gives it to egress and to the simulated provider, which is not reached without it."""
    token = (stack.data_dir / "provider-token").read_text().strip()
    assert token and fetch(stack.provider_url + "/ledger") is None
    logs = list((stack.data_dir / "logs").iterdir())
    assert logs and not [log.name for log in logs if token in log.read_text(errors="replace")]
