"""The examples of `GET /docs`, curl and Python, run unchanged, but for the code that goes to a phone."""

import asyncio
import contextlib
import io
import json
import subprocess
import sys
import uuid

import pytest

from ingress.openapi import code_samples
from ingress.openapi.document import described
from ingress.openapi.route import Route
from ingress.openapi.texts import EXAMPLES
from ingress.routes import ROUTES
from tests.e2e.customers import Kitchen, order_body
from tests.e2e.stack import ADMIN, Stack

#: Operations that others need, in this order.
FIRST = ["putRestaurant", "putMenuItem", "putPromotion"]
#: Operations after which others find nothing, and their restaurant: that of the others has open orders.
LAST, DELETED = ["deletePromotion", "deleteMenuItem", "deleteRestaurant"], "r9"
FEED_SECONDS = 20
PHONE = "+5581999990000"


def ordered() -> list[Route]:
    """Return the routes of the API, in an order in which each finds what it needs."""
    routes = {operation.id: route for route, operation in described(ROUTES)}
    last = [routes.pop(name) for name in LAST]
    return [routes.pop(name) for name in FIRST] + list(routes.values()) + last


def run_curl(route: Route, code: str) -> str:
    source = code_samples.curl(route, route.operation)
    if source is None:
        return "200"
    source = source.replace(EXAMPLES["code_body"]["code"], code)
    done = subprocess.run(["bash", "-c", source], check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{source}\n{done.stdout}\n{done.stderr}"
    return "200 " + done.stdout


def run_python(route: Route, code: str) -> str:
    """Run the program in this process, which is quicker; return its output."""
    out = io.StringIO()
    source = code_samples.python(route, route.operation).replace(EXAMPLES["code_body"]["code"], code)
    with contextlib.redirect_stdout(out):
        exec(compile(source, route.operation.id, "exec"), {"__name__": "__main__"})
    return out.getvalue()


def run_feed(route: Route) -> str:
    """Run the program that follows the board; return its first line."""
    command = [
        "timeout",
        str(FEED_SECONDS),
        sys.executable,
        "-u",
        "-c",
        code_samples.python(route, route.operation),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        shown = following.stdout.readline()
        following.terminate()
    return shown


async def put_for_deletion(kitchen: Kitchen, operation: str) -> str:
    """Put what the operation deletes; return the restaurant's token."""
    opened = await kitchen.put(f"/v1/restaurants/{DELETED}", {"name": "Cantina"})
    if operation != "deleteRestaurant":
        item = {"name": "Coxinha", "price": {"amount": 990}, "portions": None}
        await kitchen.put(f"/v1/restaurants/{DELETED}/menu/coxinha", item)
    if operation == "deletePromotion":
        body = {
            "starts_at": "2026-01-01T00:00:00Z",
            "ends_at": "2036-01-01T00:00:00Z",
            "items": [{"sku": "coxinha", "promo_price": {"amount": 500}}],
        }
        assert (await kitchen.put(f"/v1/restaurants/{DELETED}/promotions/almoco", body)).status == 201
    token: str = json.loads(opened.body)["token"]
    return token


async def test_every_documented_example_runs(
    kitchen: Kitchen, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The curl and Python example of every operation."""
    monkeypatch.setenv("PROMO_URL", stack.url)
    monkeypatch.setenv("PROMO_ADMIN_TOKEN", ADMIN)
    opened = await kitchen.put("/v1/restaurants/r1", {"name": "Cantina"})
    monkeypatch.setenv("RESTAURANT_TOKEN", json.loads(opened.body)["token"])
    item = {"name": "Coxinha", "price": {"amount": 990}, "portions": None}
    await kitchen.put("/v1/restaurants/r1/menu/coxinha", item)

    async def place() -> dict[str, str]:
        order = order_body("r1", ("coxinha", 1), method="cash")
        key = {"Idempotency-Key": uuid.uuid4().hex}
        placed: dict[str, str] = json.loads(
            (await kitchen.call("POST", "/v1/orders", json=order, headers=key)).body
        )
        headers = {"Authorization": f"Bearer {placed['token']}"}
        while "version" not in json.loads(
            (await kitchen.call("GET", f"/v1/orders/{placed['order_id']}", headers=headers)).body
        ):
            await asyncio.sleep(0.05)  # not shown yet
        return placed

    for route in ordered():
        operation = route.operation
        for run in (run_curl, run_python):
            if "{order_id}" in route.path:
                placed = await place()
                if operation.id == "followOrder":  # a stream that ends
                    assert (await kitchen.cancel(placed, uuid.uuid4().hex)).status == 200
                monkeypatch.setenv("ORDER_ID", placed["order_id"])
                monkeypatch.setenv("ORDER_TOKEN", placed["token"])
            code = ""
            if "{verification_id}" in route.path:
                verification_id, code = await kitchen.begin_verification(PHONE, stack.messaging_url)
                monkeypatch.setenv("VERIFICATION_ID", verification_id)
            if operation.websocket is not None:
                assert "snapshot" in await asyncio.to_thread(run_feed, route)
                continue
            if operation.id in LAST:
                monkeypatch.setitem(code_samples.PATH_PARAMETERS, "restaurant_id", DELETED)
                monkeypatch.setenv("RESTAURANT_TOKEN", await put_for_deletion(kitchen, operation.id))
            out = await asyncio.to_thread(run, route, code)
            if operation.id in ("unsubscribeFromOrder", *LAST):
                assert out.strip() in ("200", "204"), out  # of curl only the body is known
                continue
            assert out.startswith(("200", "201", "202")) or operation.id == "followOrder", (
                f"{operation.id}: {out}"
            )
            assert len(out) > len("200 "), f"{operation.id} shows nothing"
