"""Deletions over HTTP: what was answered 204 is gone at every process, and what comes again begins without a past."""

import json
from typing import Any

import aiohttp

from tests.e2e.customers import Kitchen
from tests.e2e.stack import ADMIN, Stack
from tests.e2e.test_offers import promote

#: New connections, which the kernel gives to either ingress process.
CONNECTIONS = 12


async def delete(kitchen: Kitchen, path: str, token: str = ADMIN) -> tuple[int, str]:
    """Return the status, and the slug of the problem."""
    answer = await kitchen.call("DELETE", path, headers={"Authorization": f"Bearer {token}"})
    return answer.status, json.loads(answer.body)["type"].rpartition("/")[2] if answer.body else ""


async def everywhere(stack: Stack, path: str) -> list[tuple[int, Any]]:
    """Return what each of many connections answers."""
    answers = []
    for _ in range(CONNECTIONS):
        async with aiohttp.ClientSession() as session, session.get(stack.url + path) as response:
            answers.append((response.status, await response.json()))
    return answers


async def listed(stack: Stack, restaurant: str) -> bool:
    """Return True if the list of restaurants with a promotion has this one; it has few in these tests."""
    cursor = ""
    async with aiohttp.ClientSession() as session:
        while True:
            url = f"{stack.url}/v1/restaurants?promo=true&limit=100{cursor}"
            async with session.get(url) as response:
                page = await response.json()
            if any(one["restaurant_id"] == restaurant for one in page["items"]):
                return True
            if page["next_cursor"] is None:
                return False
            cursor = f"&cursor={page['next_cursor']}"


async def test_deleted_things_are_gone_at_every_process(kitchen: Kitchen, stack: Stack) -> None:
    """An item with an order, an open promotion, and then their restaurant; each is 404 the second time."""
    restaurant = await kitchen.open(x=3, y=5)
    base = f"/v1/restaurants/{restaurant}"
    menu = f"{base}/menu"
    token = kitchen.token(restaurant)
    assert (await promote(kitchen, restaurant, "p", 500, portions=3)).status == 201
    placed = json.loads((await kitchen.order(restaurant, "a", ("x", 3), method="cash")).body)
    assert placed["items"][0]["promotion_id"] == "p" and await listed(stack, restaurant)

    assert await delete(kitchen, f"{base}/promotions/p", token) == (204, "")
    for status, page in await everywhere(stack, menu):
        assert status == 200 and all(item["promotion"] is None for item in page["items"])
    assert not await listed(stack, restaurant)
    assert await delete(kitchen, f"{base}/promotions/p") == (404, "unknown-promotion")

    assert await delete(kitchen, f"{menu}/x", token) == (204, "")
    for _, page in await everywhere(stack, menu):
        assert [item["sku"] for item in page["items"]] == ["y"]
    assert await delete(kitchen, f"{menu}/x") == (404, "unknown-item")
    assert (await kitchen.order(restaurant, "b", ("x", 1))).status == 404

    # put again: nothing is sold of it, and the order of the first one gives it nothing
    item = {"name": "x", "price": {"amount": 1000}, "portions": 3}
    assert (await kitchen.put(f"{menu}/x", item)).status == 201
    for _, page in await everywhere(stack, menu):
        assert page["items"][0]["availability"]["count"] == 3
    assert (await kitchen.cancel(placed)).status == 200
    assert (await kitchen.order(restaurant, "c", ("x", 4), method="cash")).status == 409
    last = json.loads((await kitchen.order(restaurant, "d", ("x", 3), method="cash")).body)

    assert await delete(kitchen, base) == (409, "not-empty")
    assert await delete(kitchen, base, token) == (403, "forbidden")
    for sku in ("x", "y"):
        assert await delete(kitchen, f"{menu}/{sku}") == (204, "")
    assert await delete(kitchen, base) == (409, "open-orders")
    assert (await kitchen.cancel(last)).status == 200
    assert await delete(kitchen, base) == (204, "")
    assert all(status == 404 for status, _ in await everywhere(stack, menu))
    assert await delete(kitchen, base) == (404, "unknown-restaurant")
    assert (await kitchen.get_order(last))["status"] == "cancelled"

    assert (await kitchen.put(base, {"name": "Outra"})).status == 201
    assert all(page["items"] == [] for _, page in await everywhere(stack, menu))
