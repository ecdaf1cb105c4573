"""What an answer has said can be read at once, at any process; also while the views stand still."""

import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from tests.e2e.customers import Answer, Kitchen
from tests.e2e.stack import Stack

ORDERS = 30


@pytest.fixture
async def kitchen(stack: Stack) -> AsyncIterator[Kitchen]:
    """A client whose every request is a new connection, to either of two processes."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(30)) as session:
        yield Kitchen(session, stack.url)


@contextlib.contextmanager
def stopped_views(stack: Stack) -> Iterator[None]:
    """Stop egress for the block, so that no view changes."""
    pids = [int(str(process["pid"])) for process in stack.processes("egress")]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def act(kitchen: Kitchen, order: dict[str, Any], token: str, operation: str, **request: Any) -> Answer:
    """Send one request about an order; never twice."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"c-{order['order_id']}"}
    method = "POST" if operation in ("cancel", "status") else "GET"
    path = f"/v1/orders/{order['order_id']}" + (f"/{operation}" if operation else "")
    return await kitchen.call(method, path, headers=headers, **request)


async def read_and_change(kitchen: Kitchen, order: dict[str, Any], number: int) -> None:
    """Read the order, cancel it or move it on, and read it again; each answer knows the one before."""
    tokens = order["token"], kitchen.token(order["restaurant_id"])
    for token in tokens:
        shown = json.loads((await act(kitchen, order, token, "")).body)
        assert shown["status"] == "received" and shown["total"] == order["total"], shown
    if number % 2:
        changed = await act(kitchen, order, tokens[0], "cancel")
    else:
        changed = await act(kitchen, order, tokens[1], "status", json={"status": "preparing"})
    assert changed.status == 200, changed.body
    expected = json.loads(changed.body)["status"]
    for token in tokens:
        assert json.loads((await act(kitchen, order, token, "")).body)["status"] == expected


async def test_orders_are_read_and_changed_after_their_201(kitchen: Kitchen) -> None:
    """Never `pending`, 404 or 503 for what was just confirmed."""
    restaurant = await kitchen.open(coxinha=None)
    for number in range(ORDERS):
        answer = await kitchen.order(restaurant, f"k{number}", ("coxinha", 1), method="cash")
        assert answer.status == 201
        await read_and_change(kitchen, json.loads(answer.body), number)


async def test_orders_are_read_while_the_views_stand_still(stack: Stack, kitchen: Kitchen) -> None:
    """The views lack the orders entirely, and a stream sends what is known."""
    restaurant = await kitchen.open(coxinha=None)
    with stopped_views(stack):
        for number in range(6):
            answer = await kitchen.order(restaurant, f"k{number}", ("coxinha", 1), method="cash")
            assert answer.status == 201
            order = json.loads(answer.body)
            await read_and_change(kitchen, order, number)
    sent = (await act(kitchen, order, order["token"], "events")).body.decode()
    assert [json.loads(line[6:])["status"] for line in sent.splitlines() if line.startswith("data: ")] == [
        "pending",
        "received",
        "cancelled",
    ]


async def test_refusal_after_202_can_be_read(kitchen: Kitchen) -> None:
    """The order page and the stream say that an order was refused that left no facts."""
    restaurant = await kitchen.open(coxinha=None)
    answer = await kitchen.order(restaurant, "k", ("pastel", 1), Prefer="respond-async")
    assert answer.status == 202
    order = json.loads(answer.body)
    sent = (await act(kitchen, order, order["token"], "events")).body.decode()
    assert '"status":"cancelled"' in sent and '"reason":"' in sent
    shown = json.loads((await act(kitchen, order, order["token"], "")).body)
    assert shown["status"] == "cancelled" and shown["reason"] in ("unknown_item", "refused")
    refused = await act(kitchen, order, kitchen.token(restaurant), "")
    assert refused.status in (200, 404), "its restaurant never had it"


async def test_puts_are_shown_after_their_answer(kitchen: Kitchen) -> None:
    """A menu that is read right after a PUT shows it, also at the process that had cached the menu."""
    restaurant = await kitchen.open(coxinha=None)
    menu = f"/v1/restaurants/{restaurant}/menu"
    for amount in (500, 600, 700):
        for _ in range(4):
            await kitchen.call("GET", menu)
        body = {"name": "Coxinha", "price": {"amount": amount}}
        assert (await kitchen.put(f"{menu}/coxinha", body)).status == 200
        for _ in range(4):
            (item,) = json.loads((await kitchen.call("GET", menu)).body)["items"]
            assert item["price"]["amount"] == amount
