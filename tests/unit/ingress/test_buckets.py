"""Restaurants with buckets, as ingress sees them. DECISIONS.md: stock-escrow"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.http.tokens import Tokens
from ingress.views import bucket_totals
from ingress.views.ports import OrderView
from schemas import buckets, identity
from schemas.catalogue import Allotment, Stock
from schemas.settings import Settings
from tests.support.ingress.fakes import FakeProducer, FakeViews, order_of
from tests.support.ingress.samples import as_customer, order_body
from tests.unit.ingress.conftest import Client

TOKENS = Tokens("secret", "adm")


@pytest.fixture
def settings() -> Settings:
    """Four buckets."""
    return Settings(
        admin_token="adm",
        token_secret="secret",
        order_reply_timeout_seconds=0.3,
        max_in_flight_commands=2,
        escrow_buckets=4,
    )


async def test_key_decides_the_bucket(client: Client, log: FakeProducer) -> None:
    """The same key from another customer reaches the same bucket, which rejects it."""
    for customer in ("ana", "bia"):
        headers = {"Idempotency-Key": "k1", **as_customer(customer)}
        await client.post("/v1/orders", json=order_body(), headers=headers)
    expected = buckets.bucket("r1", buckets.choose(identity.key_hash("r1", "k1"), 4))
    assert [key.decode() for key, *_ in log.written] == [expected] * 2
    assert {command.order_id for _, command, _ in log.written} == {identity.order_id("r1", "k1")}


async def test_cancellation_goes_to_the_orders_bucket(
    client: Client, log: FakeProducer, views: FakeViews
) -> None:
    """The order's view names the bucket."""
    await client.post("/v1/orders", json=order_body(), headers={"Idempotency-Key": "k1"})
    placed = order_of(log.written[0][1], "confirmed")
    shown = msgspec.structs.replace(placed, restaurant_id="r1", bucket=3)
    views.orders[shown.order_id] = OrderView(shown, [])
    headers = {"Authorization": f"Bearer {TOKENS.order(shown.order_id)}", "Idempotency-Key": "c"}
    await client.post(f"/v1/orders/{shown.order_id}/cancel", headers=headers)
    assert log.written[-1][0] == b"r1#3"


numbers = st.one_of(st.none(), st.integers(0, 50))
made = st.builds(
    lambda portions, reserved, allotted: Stock(
        "x", 1, portions, reserved, 0, {} if allotted is None else {"p1": Allotment(allotted, reserved)}
    ),
    st.integers(20, 50),
    st.integers(0, 20),
    numbers,
)


@given(st.lists(st.tuples(st.integers(0, 5), made), min_size=1))
def test_stock_is_the_sum_of_buckets(numbered: list[tuple[int, Stock]]) -> None:
    """Views sum the stocks of all buckets."""
    stocks, others = bucket_totals.total_stocks(numbered)
    total = stocks["x"]
    assert total.free == sum(stock.free or 0 for _, stock in numbered)
    assert others == sorted({n for n, _ in numbered if n})
    parts = [stock.allotments["p1"] for _, stock in numbered if "p1" in stock.allotments]
    if parts:
        assert total.allotments["p1"].reserved == sum(a.reserved for a in parts)


def test_unlimited_item_stays_unlimited() -> None:
    """null: unlimited."""
    stocks, _ = bucket_totals.total_stocks([(0, Stock("x", 1, None, 3)), (1, Stock("x", 1, None, 2))])
    assert (stocks["x"].free, stocks["x"].reserved) == (None, 5)
