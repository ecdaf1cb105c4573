"""Notifications of an order: webhooks to the restaurant and pushes to the customer, from order to delivery."""

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from tests.e2e.customers import Kitchen
from tests.e2e.stack import Stack
from tests.support.notifications.endpoints import serve_endpoint
from tests.support.notifications.messages import Browser
from tests.support.waiting import eventually


async def webhooks(stack: Stack, *arguments: str) -> str:
    """Run `python -m egress webhooks`."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "egress", "webhooks", *arguments],
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
async def test_order_notifies_restaurant_and_browser(kitchen: Kitchen, stack: Stack) -> None:
    """Signed and encrypted, each change once, also if the views are rebuilt; again only by `redeliver`."""
    async with serve_endpoint() as bar, serve_endpoint() as service:
        restaurant = await kitchen.open(coxinha=5)
        put = await kitchen.put(
            f"/v1/restaurants/{restaurant}", {"name": "Bar", "webhook": bar.url + "/orders"}
        )
        secret = json.loads(put.body)["webhook_secret"]
        order = json.loads((await kitchen.order(restaurant, "k", ("coxinha", 2))).body)
        phone = Browser(service.url + "/send/1")
        await subscribe(kitchen, order, phone)
        for status in ("preparing", "out_for_delivery", "delivered"):
            assert (await kitchen.advance(order, status)).status == 200
        await eventually(lambda: len(bar.messages) >= 4 and len(service.messages) >= 3, 15)
        received = [message.verified(secret) for message in bar.messages]
        assert {(m["type"], m["data"]["status"]) for m in received} == {
            ("order.confirmed", "received"),
            ("order.status-changed", "preparing"),
            ("order.status-changed", "out_for_delivery"),
            ("order.status-changed", "delivered"),
        }
        versions = {m["data"]["version"]: m["data"]["status"] for m in received}
        assert versions[max(versions)] == "delivered", (
            "the greatest version is the last, in whatever order they come"
        )
        assert {m["data"]["order_id"] for m in received} == {order["order_id"]}
        key = json.loads((await kitchen.call("GET", "/v1/push/key")).body)["key"]
        pushed = [message.decrypted(phone) for message in service.messages]
        assert {p["status"] for p in pushed} == {"preparing", "out_for_delivery", "delivered"}
        assert {message.claims()["key"] for message in service.messages} == {key}
        rebuilt = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "egress", "rebuild"],
            env=stack.environment,
            check=False,
            timeout=60,
        )
        assert rebuilt.returncode == 0
        log = (await webhooks(stack, "log", restaurant)).splitlines()
        assert len(log) == 4 and all("delivered 204" in line for line in log)
        message = bar.messages[0].headers["webhook-id"]
        await webhooks(stack, "redeliver", restaurant, message)
        await eventually(lambda: len(bar.messages) == 5, 10)
        assert bar.messages[4].headers["webhook-id"] == message
        assert bar.messages[4].verified(secret) == bar.messages[0].verified(secret)
        assert f"{restaurant}  {bar.url}  on  " in await webhooks(stack, "list")
        assert await webhooks(stack, "enable", restaurant) == "was not off\n"
        assert len(service.messages) == 3, "a rebuild of the views sends no notification"
        manager = {"Authorization": f"Bearer {kitchen.token(restaurant)}"}
        rotated = await kitchen.call(
            "POST", f"/v1/restaurants/{restaurant}/webhook-secrets", json={"version": 2}, headers=manager
        )
        await kitchen.order(restaurant, "k2", ("coxinha", 1), method="cash")
        await eventually(lambda: len(bar.messages) >= 6, 15)
        signed = bar.messages[-1]
        assert signed.verified(json.loads(rotated.body)["webhook_secret"]) == signed.verified(secret)


async def subscribe(kitchen: Kitchen, order: dict[str, Any], phone: Browser) -> None:
    """Subscribe as a page does, again while the order is not shown yet."""
    body = {"endpoint": phone.endpoint, "expirationTime": None, "keys": phone.keys}
    headers = {"Authorization": f"Bearer {order['token']}"}

    async def is_subscribed() -> bool:
        path = f"/v1/orders/{order['order_id']}/push"
        answer = await kitchen.call("POST", path, json=body, headers=headers)
        assert answer.status in (201, 503), answer.body
        return answer.status == 201

    await eventually(is_subscribed)
