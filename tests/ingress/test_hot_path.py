"""The hot path answers as the common way does, on every kind of connection."""

import asyncio
import re
import time
from typing import Any

import pytest

from tests.ingress.conftest import Client
from tests.ingress.fakes import FakeViews
from tests.ingress.samples import item, menu

MENU = "/v1/restaurants/r%C3%A9/menu"


@pytest.fixture(autouse=True)
def shown(views: FakeViews) -> None:
    """A restaurant with two items, and a letter in its name that URLs escape."""
    now = time.time_ns() // 1_000_000
    views.show("ré", menu([item("coxinha", 990), item("agua", 300, name="Água")], as_of=now))


async def asked(client: Client, path: str, **headers: str) -> tuple[int, bytes, dict[str, Any]]:
    response = await client.get(path, headers=headers)
    told = {n: v for n, v in response.headers.items() if n not in ("Date", "Server", "Connection")}
    return response.status, await response.read(), told


@pytest.mark.parametrize(
    "path",
    [
        MENU,
        MENU + "?q=%C3%A1gua&limit=1",
        MENU + "?limit=0",
        MENU + "?limit=1#x",
        "/v1/restaurants/r2/menu",
        "/v1/restaurants//menu",
        "/v1/restaurants/r%2F/menu",
        "/catalogo?restaurant_id=r%C3%A9&sort=-price",
        "/catalogo?restaurant_id=r%C3%A9&restaurant_id=r2",
        "/catalogo?",
    ],
)
async def test_both_ways_give_the_same_status_headers_and_bytes(client: Client, path: str) -> None:
    """A connection that is to be closed goes the common way."""
    hot = await asked(client, path)
    common = await asked(client, path, Connection="close")
    assert hot == common
    if "ETag" in hot[2]:
        had = {"If-None-Match": hot[2]["ETag"]}
        assert (await asked(client, path, **had))[0] == 304
        assert await asked(client, path, **had) == await asked(client, path, Connection="close", **had)


async def test_head_tells_what_get_would(client: Client) -> None:
    """RFC 9110: HEAD is GET without the body."""
    response = await client.head(MENU)
    assert response.status == 200 and not await response.read()
    assert response.headers["ETag"] == (await client.get(MENU)).headers["ETag"]


async def test_requests_that_are_sent_without_waiting_are_answered_in_order(client: Client) -> None:
    """HTTP/1.1 pipelining, hot and common mixed; the last one closes the connection."""
    paths = [MENU, "/health/live", MENU + "?limit=1", "/nowhere", MENU]
    request = "".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths)
    request += f"GET {MENU} HTTP/1.0\r\n\r\n"
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(request.encode())
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert re.findall(rb"HTTP/1\.[01] (\d+)", answer) == [b"200", b"200", b"200", b"404", b"200", b"200"]
    assert answer.count(b'"sku":"agua"') == 4 and answer.count(b'"sku":"coxinha"') == 3


async def test_a_hot_answer_is_counted_and_dated(client: Client) -> None:
    """Contract: `promo_http_requests_total{route, method, status}`; RFC 9110: Date."""
    name = 'promo_http_requests_total{method="GET",route="/v1/restaurants/{restaurant_id}/menu",status="200"}'

    async def counted() -> float:
        text = await (await client.get("/metrics")).text()
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    before = await counted()
    response = await client.get(MENU)
    assert response.headers["Date"].endswith("GMT") and await counted() == before + 1
