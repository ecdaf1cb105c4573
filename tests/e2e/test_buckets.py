"""A stack whose restaurants have buckets keeps the same contract."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from schemas.topics import FACT_TOPICS
from tests.checker import escrow, stock
from tests.checker.observations import Fact, Observations
from tests.e2e.customers import Kitchen
from tests.e2e.stack import Stack
from tests.support import facts
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    started = Stack(tmp_path_factory.mktemp("split"), escrow_buckets=3, escrow_open_orders_per_second=0)
    yield started
    started.compose("down")


@pytest.fixture
async def cantina(split: Stack) -> AsyncIterator[Kitchen]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
        yield Kitchen(session, split.url)


@pytest.mark.slow
async def test_buckets_sell_every_portion_once_through_kills(cantina: Kitchen, split: Stack) -> None:
    """Exactly the stock, one order per key, conservation by an outside reader, and a menu that shows the sum."""
    restaurant = await cantina.open(coxinha=60)

    async def kill(role: str) -> None:
        await asyncio.sleep(0.5)
        old = await asyncio.to_thread(split.kill, role)
        await asyncio.to_thread(split.wait_for_new, role, old)

    answers, *_ = await asyncio.gather(
        asyncio.gather(
            *(cantina.order_until_decided(restaurant, f"k{i % 150}", ("coxinha", 1)) for i in range(300))
        ),
        kill("streams"),
        kill("egress"),
    )
    orders = {json.loads(a.body)["order_id"]: a.body for a in answers if a.status == 201}
    assert {a.status for a in answers} == {201, 409}
    assert Counter(a.status for a in answers)[201] == 2 * len(orders) == 120
    assert {json.loads(body)["restaurant_id"] for body in orders.values()} == {restaurant}
    await eventually(lambda: menu_says(cantina, restaurant, "sold_out"), seconds=15)
    one = json.loads(next(iter(orders.values())))
    assert (await cantina.cancel(one)).status == 200
    await eventually(lambda: menu_says(cantina, restaurant, "available"), seconds=15)
    assert (await cantina.order_until_decided(restaurant, "the-last", ("coxinha", 1))).status == 201
    await conserved(split, restaurant)


async def conserved(split: Stack, restaurant: str) -> None:
    """Check the facts with the checker of the fault campaign."""
    records = await facts.read(split.bootstrap, [t.name for t in FACT_TOPICS.values()], restaurant)
    seen = Observations(
        facts=[Fact(r.topic, r.partition, r.offset, r.headers["event-id"].decode(), r.value) for r in records]
    )
    for check in (
        escrow.each_transfer_once,
        escrow.portions_conserved,
        stock.never_oversold,
        stock.stock_versions_without_gap,
    ):
        finding = check(seen)
        assert finding.checked and not finding.violations


async def menu_says(cantina: Kitchen, restaurant: str, state: str) -> bool:
    menu = json.loads((await cantina.call("GET", f"/v1/restaurants/{restaurant}/menu")).body)
    return menu["items"][0]["availability"]["state"] == state
