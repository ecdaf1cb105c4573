"""What a restaurant says of prices, portions and limits, over HTTP: as it was said, for every order and menu."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.settings import Settings
from tests.e2e.customers import Answer, Kitchen, order_body
from tests.support.waiting import eventually


async def promote(kitchen: Kitchen, restaurant: str, name: str, price: int, **fields: Any) -> Answer:
    """Put a promotion of the item; `minutes` is when it ends."""
    now = datetime.now(UTC)
    ends_at = now + timedelta(minutes=fields.pop("minutes", 10))
    body = {
        "starts_at": (now - timedelta(hours=1)).isoformat(),
        "ends_at": ends_at.isoformat(),
        "items": [{"sku": "x", "promo_price": {"amount": price}, **fields}],
    }
    return await kitchen.put(f"/v1/restaurants/{restaurant}/promotions/{name}", body)


async def buy(kitchen: Kitchen, restaurant: str, key: str, quantity: int, customer: str = "") -> Any:
    """Order the item, paid at the door; return the response body with its HTTP status."""
    body = order_body(restaurant, ("x", quantity), method="cash")
    proof = await kitchen.as_customer(customer) if customer else {}
    answer = await kitchen.call("POST", "/v1/orders", json=body, headers={"Idempotency-Key": key, **proof})
    return json.loads(answer.body) | {"http": answer.status, "raw": answer.body}


async def put_portions(kitchen: Kitchen, restaurant: str, portions: int, price: int = 1000) -> None:
    item = {"name": "X", "price": {"amount": price}, "portions": portions}
    assert (await kitchen.put(f"/v1/restaurants/{restaurant}/menu/x", item)).status == 200


@pytest.mark.parametrize(
    ("price", "fields", "pointer"),
    [
        (1000, {}, "/items/0/promo_price"),
        (1500, {}, "/items/0/promo_price"),
        (500, {"minutes": -1}, "/ends_at"),
        (500, {"portions": 11}, "/items/0/portions"),
        (500, {"portions": 5, "cash_portions": 6}, "/items/0/cash_portions"),
    ],
)
async def test_a_promotion_that_is_no_offer_is_400(
    kitchen: Kitchen, price: int, fields: dict[str, Any], pointer: str
) -> None:
    """Dearer than its item, over, or of more portions; nothing changes on the menu."""
    restaurant = await kitchen.open(x=10)
    answer = await promote(kitchen, restaurant, "p", price, **fields)
    problem = json.loads(answer.body)
    assert answer.status == 400 and problem["type"].endswith("invalid-request")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert (await buy(kitchen, restaurant, "k", 1))["items"][0]["unit_price"]["amount"] == 1000


async def test_zero_portions_stay_zero_after_a_cancellation(kitchen: Kitchen) -> None:
    """10 offered, 2 ordered, 0 offered, the 2 cancelled: nothing is sold."""
    restaurant = await kitchen.open(x=10)
    order = await buy(kitchen, restaurant, "a", 2)
    await put_portions(kitchen, restaurant, 0)
    assert (await buy(kitchen, restaurant, "b", 1))["http"] == 409
    assert (await kitchen.cancel(order)).status == 200
    refused = await buy(kitchen, restaurant, "c", 1)
    assert (refused["http"], refused["items"]) == (409, [{"sku": "x", "available": 0}])


async def test_a_new_limit_counts_earlier_orders(kitchen: Kitchen) -> None:
    """5 without a limit; with a limit of 2 none are left, and a cancellation of the 5 brings back what it took."""
    restaurant = await kitchen.open(x=50)
    assert (await promote(kitchen, restaurant, "p", 500)).status == 201
    first = await buy(kitchen, restaurant, "a", 5, "ana")
    assert (await promote(kitchen, restaurant, "p", 500, per_customer_limit=2)).status == 200
    refused = await buy(kitchen, restaurant, "b", 1, "ana")
    assert (refused["http"], refused["items"]) == (409, [{"sku": "x", "limit": 2, "left": 0}])
    assert (await buy(kitchen, restaurant, "b", 1, "ana"))["raw"] == refused["raw"]
    assert (await kitchen.cancel(first)).status == 200
    assert (await buy(kitchen, restaurant, "c", 2, "ana"))["http"] == 201
    assert (await buy(kitchen, restaurant, "d", 1, "ana"))["items"] == [{"sku": "x", "limit": 2, "left": 0}]


async def test_cash_orders_hold_only_the_cash_portions(kitchen: Kitchen) -> None:
    """The next one is refused and can pay by Pix, until the restaurant has sent the first one out."""
    restaurant = await kitchen.open(x=50)
    assert (await promote(kitchen, restaurant, "p", 500, portions=20, cash_portions=3)).status == 201
    first = await buy(kitchen, restaurant, "a", 2)
    refused = await buy(kitchen, restaurant, "b", 2)
    assert refused["type"].endswith("cash-limit-reached")
    assert refused["limits"] == [{"scope": "promotion", "limit": 3, "left": 1, "sku": "x"}]
    assert (await kitchen.order(restaurant, "paid", ("x", 2))).status == 201
    for status in ("preparing", "out_for_delivery"):
        assert (await kitchen.advance(first, status)).status == 200
    assert (await buy(kitchen, restaurant, "c", 3))["http"] == 201


async def test_a_customer_has_only_so_many_cash_orders_open(kitchen: Kitchen) -> None:
    """As many as the setting says; it can pay by Pix, and order in cash again after a cancellation."""
    restaurant = await kitchen.open(x=50)
    limit = Settings().cash_orders_per_customer
    placed = [await buy(kitchen, restaurant, f"k{number}", 1, "ana") for number in range(limit)]
    assert [order["http"] for order in placed] == [201] * limit
    refused = await buy(kitchen, restaurant, "next", 1, "ana")
    assert refused["limits"] == [{"scope": "customer", "limit": limit, "left": 0}]
    assert (await buy(kitchen, restaurant, "other", 1, "bia"))["http"] == 201
    assert (await kitchen.cancel(placed[0])).status == 200
    assert (await buy(kitchen, restaurant, "again", 1, "ana"))["http"] == 201


async def test_orders_and_menus_fall_to_the_next_offer_alike(kitchen: Kitchen) -> None:
    """Two at 4.00, one at 6.00, then the regular price; the menu shows each in turn."""
    restaurant = await kitchen.open(x=10)
    assert (await promote(kitchen, restaurant, "cheap", 400, portions=2)).status == 201
    dear = await promote(kitchen, restaurant, "dear", 600, portions=1, when_sold_out="regular_price")
    assert dear.status == 201
    for key, quantity, price, shown in (
        ("a", 2, 400, (600, 1)),
        ("b", 1, 600, (None, 7)),
        ("c", 7, 1000, (None, 0)),
    ):
        order = await buy(kitchen, restaurant, key, quantity)
        assert (order["http"], order["items"][0]["unit_price"]["amount"]) == (201, price)

        async def is_shown(shown: tuple[int | None, int] = shown) -> bool:
            page = json.loads((await kitchen.call("GET", f"/v1/restaurants/{restaurant}/menu")).body)
            (item,) = page["items"]
            promo = item["promo_price"] and item["promo_price"]["amount"]
            return (promo, item["availability"]["count"]) == shown

        await eventually(is_shown)
