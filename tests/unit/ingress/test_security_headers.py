"""Security headers of every response."""

import asyncio

import pytest

from ingress.http import security_headers
from tests.support.ingress.apps import HOST
from tests.support.ingress.fakes import FakeViews
from tests.support.ingress.samples import item, menu, order_body
from tests.unit.ingress.conftest import Client, both_ways

fast_path = both_ways

REQUESTS = [
    ("GET", "/v1/restaurants/r1/menu", 200),
    ("GET", "/v1/restaurants/none/menu", 404),
    ("GET", "/v1/restaurants", 200),
    ("GET", "/v1/orders/o1", 401),
    ("POST", "/v1/orders", 201),
    ("PUT", "/v1/restaurants/r1", 401),
    ("GET", "/nowhere", 404),
    ("DELETE", "/v1/orders", 405),
    ("OPTIONS", "/v1/orders", 405),
    ("GET", "/problems/out-of-stock", 200),
    ("GET", "/health/live", 200),
    ("GET", "/metrics", 200),
]


async def ask(client: Client, method: str, path: str, **headers: str) -> tuple[int, dict[str, str]]:
    """Send what a script of another origin would; return the status, and the headers in lower case."""
    sent = {"Idempotency-Key": "k", "Origin": "https://evil.example", **headers}
    body = order_body() if method == "POST" else None
    async with client.request(method, path, headers=sent, json=body) as response:
        return response.status, {name.lower(): value for name, value in response.headers.items()}


@pytest.mark.parametrize(("method", "path", "status"), REQUESTS)
async def test_responses_are_data(
    client: Client, views: FakeViews, method: str, path: str, status: int
) -> None:
    """No script, no frame, no sniffing, no referrer; problems included."""
    views.show("r1", menu([item("coxinha")]))
    answered, headers = await ask(client, method, path)
    assert answered == status
    for name, value in security_headers.API.items():
        assert headers[name.lower()] == value
    assert headers["x-content-type-options"] == "nosniff" and "'none'" in headers["content-security-policy"]
    assert "server" not in headers


@pytest.mark.parametrize(("method", "path", "status"), REQUESTS)
async def test_no_cors_headers(client: Client, method: str, path: str, status: int) -> None:
    """Other origins may read nothing; a preflight is rejected too."""
    preflight = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}
    for sent_method, more in ((method, {}), ("OPTIONS", preflight)):
        _, headers = await ask(client, sent_method, path, **more)
        assert not [name for name in headers if name.startswith("access-control-")]


async def raw(client: Client, sent: bytes) -> bytes:
    """Send bytes, and return everything until the connection is closed."""
    reader, writer = await asyncio.open_connection(HOST, client.port)
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("sent", "status", "slug"),
    [
        (b"NONSENSE\r\n\r\n", 400, "malformed-message"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "malformed-message"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA\x00: b\r\n\r\n", 400, "malformed-message"),
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431, "header-fields-too-large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 9_000 + b"\r\n\r\n", 431, "header-fields-too-large"),
        (b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "malformed-message"),
        (
            b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            400,
            "malformed-message",
        ),
        (
            b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "malformed-message",
        ),
    ],
)
async def test_malformed_http_is_a_problem(client: Client, sent: bytes, status: int, slug: str) -> None:
    """RFC 9457 below the routes too: long lines, bytes that are not HTTP, two lengths at once."""
    answer = await raw(client, sent)
    assert answer.startswith(b"HTTP/1.1 %d " % status) or answer.startswith(b"HTTP/1.0 %d " % status), answer
    assert f"/problems/{slug}".encode() in answer and b"application/problem+json" in answer
    assert b"nosniff" in answer and b"aiohttp" not in answer


async def test_header_and_body_limits(client: Client) -> None:
    """128 headers, 64 KiB."""
    many = b"".join(b"X-%d: 1\r\n" % number for number in range(200))
    assert (
        b" 431 " in (await raw(client, b"GET / HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n")).split(b"\r\n")[0]
    )
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    async with client.post("/v1/orders", data=b" " * 70_000, headers=headers) as response:
        assert response.status == 413 and response.content_type == "application/problem+json"
