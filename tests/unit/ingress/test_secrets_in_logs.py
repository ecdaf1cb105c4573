"""Secrets and personal data are in no log, at any log level."""

import asyncio
import logging

import pytest

from ingress.http.tokens import Tokens
from schemas import identity
from tests.support.ingress.fakes import FakeProducer, FakeViews
from tests.support.ingress.samples import order_body
from tests.support.privacy import scan
from tests.unit.ingress.conftest import HOST, Client

MADE = Tokens("secret", "adm")
ORDER_TOKEN = MADE.order(identity.order_id("r1", "key-of-a-customer"))
SECRETS = (
    ORDER_TOKEN,
    MADE.restaurant("r1"),
    "Rua das Flores",
    "Ana Beatriz",
    "+5581987654321",
    "a-token-that-is-wrong",
    "key-of-a-customer",
)


async def test_debug_log_has_no_secret(
    client: Client, log: FakeProducer, views: FakeViews, caplog: pytest.LogCaptureFixture
) -> None:
    """Good requests, rejected ones, malformed ones, and internal errors with tracebacks; log level DEBUG."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger().setLevel(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    try:
        await use(client, log, views)
    finally:
        asyncio.get_running_loop().set_debug(False)
    text = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    assert "failed" in text, "something must have been logged"
    assert not scan.in_bytes("log", text.encode(), SECRETS)


async def use(client: Client, log: FakeProducer, views: FakeViews) -> None:
    """Use every secret, correctly and wrongly."""
    address = order_body()["delivery_address"] | {"street": "Rua das Flores"}
    customer = {"name": "Ana Beatriz", "phone": "+5581987654321"}
    body = order_body(delivery_address=address, customer=customer)
    key = {"Idempotency-Key": "key-of-a-customer"}
    await client.post("/v1/orders", json=body, headers=key)
    await client.post("/v1/orders", json=body | {"delivery_address": address | {"zip": "1"}}, headers=key)
    await client.post("/v1/orders", json=body | {"restaurant_id": 7}, headers=key)
    for token in (ORDER_TOKEN, MADE.restaurant("r1"), "a-token-that-is-wrong"):
        authorization = {"Authorization": f"Bearer {token}"}
        for path in ("/v1/orders/o_x", f"/v1/orders/{identity.order_id('r1', 'key-of-a-customer')}"):
            await client.get(path, headers=authorization)
        await client.put("/v1/restaurants/r1/menu/x", json={"name": "x"}, headers=authorization)
    await malformed(client)

    def break_down(command: object) -> None:
        raise RuntimeError("of ours")

    log.decide = break_down  # type: ignore[assignment]
    assert (await client.post("/v1/orders", json=body, headers=key)).status == 500
    del views.orders
    await client.get("/v1/orders/o_x", headers={"Authorization": f"Bearer {ORDER_TOKEN}"})


async def malformed(client: Client) -> None:
    """Send a token in a malformed request, and break off in the middle of a body with an address."""
    for sent in (
        f"GET /v1/orders/o HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ORDER_TOKEN}\0\r\n\r\n",
        f"GET /v1/orders/o HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ORDER_TOKEN}{'a' * 9000}\r\n\r\n",
        "POST /v1/orders HTTP/1.1\r\nHost: x\r\nIdempotency-Key: key-of-a-customer\r\nContent-Length: 999\r\n\r\n"
        '{"delivery_address": {"street": "Rua das Flores"',
        "POST /v1/orders HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nTransfer-Encoding: chunked\r\n\r\nRua das Flores\r\n",
    ):
        _, writer = await asyncio.open_connection(HOST, client.port)
        writer.write(sent.encode())
        await asyncio.sleep(0.02)
        writer.close()
        await writer.wait_closed()
    await asyncio.sleep(0.02)
