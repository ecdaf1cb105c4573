"""Headers in several lines, encoded bodies and other versions of HTTP: each has one reading, with the fast path or without."""

import asyncio
import gzip
import json
import logging

import pytest
from multidict import CIMultiDict

from ingress.http.client_addresses import MAX_ADDRESS_LENGTH, client_address, customer_network
from ingress.http.prefer_header import wait_seconds
from ingress.views.ports import OrderView
from schemas.commands import Payment, PlaceOrder
from schemas.settings import Settings
from tests.support.ingress.bad.inputs import ADMIN, CUSTOMER, ITEM, ORDER, ORDER_ID, OWNER, RESTAURANT
from tests.support.ingress.fakes import FakeProducer, FakeViews, confirm, order_of
from tests.support.ingress.raw_http import send_raw
from tests.support.ingress.samples import item, menu, order_body
from tests.unit.ingress.conftest import Client

ORDER_JSON = json.dumps(order_body()).encode()
COMPRESSED = gzip.compress(bytes(10_000_000))


@pytest.fixture
def fast_path(both_ways: bool) -> bool:
    return both_ways


@pytest.fixture(autouse=True)
def shown(views: FakeViews, log: FakeProducer) -> None:
    log.decide = lambda command: confirm(command) if isinstance(command, PlaceOrder) else None
    views.show("r1", menu([item("coxinha")]))
    views.orders[ORDER_ID] = OrderView(order_of(PlaceOrder(ORDER_ID, "r1", "h", "f", [], Payment("pix"))), [])


@pytest.mark.parametrize("path", [f"{RESTAURANT}/menu", "/catalogo?restaurant_id=r1", "/v1/restaurants", "/"])
async def test_each_line_of_if_none_match_counts(client: Client, path: str) -> None:
    """A list may come in several lines (RFC 9110, section 5.3)."""
    async with client.get(path) as first:
        etag = first.headers["ETag"]
    for tags in (["x", etag], [etag, "x"], ["", f"y, {etag}"]):
        headers = CIMultiDict(("If-None-Match", tag) for tag in tags)
        async with client.get(path, headers=headers) as again:
            assert again.status == 304


async def test_each_line_of_accept_language_counts(client: Client) -> None:
    """As if it were one line, for problems and pages alike."""
    headers = CIMultiDict([("Accept-Language", "de"), ("Accept-Language", "en")])
    async with client.get("/nowhere", headers=headers) as response:
        assert (await response.json(content_type=None))["title"] == "Not found"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ORDER), ("PUT", ITEM), ("GET", f"{RESTAURANT}/dashboard")]
)
async def test_two_authorizations_are_none(client: Client, method: str, path: str) -> None:
    """Which of the two a proxy has read is unknown."""
    headers = CIMultiDict([*CUSTOMER.items(), *OWNER.items()])
    async with client.request(method, path, headers=headers) as response:
        assert response.status == 401


@pytest.mark.parametrize("field", ["Host", "Content-Type", "Content-Length"])
async def test_a_repeated_single_header_is_malformed(client: Client, field: str) -> None:
    """These frame or name the message."""
    value = {"Host": "x", "Content-Type": "application/json", "Content-Length": str(len(ORDER_JSON))}
    fields = [*value.items(), (field, value[field]), ("Idempotency-Key", "k" * 32)]
    head = "POST /v1/orders HTTP/1.1\r\n" + "".join(f"{name}: {text}\r\n" for name, text in fields) + "\r\n"
    assert b" 400 " in (await send_raw(client.port, head.encode() + ORDER_JSON))[:20]


ENCODINGS = ("gzip", "deflate", "br", "zstd", "x-unknown", "identity, gzip", "GZIP")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/orders"),
        ("POST", "/pedidos"),
        ("PUT", RESTAURANT),
        ("PUT", ITEM),
        ("POST", f"{ORDER}/cancel"),
        ("POST", f"{ORDER}/status"),
        ("DELETE", f"{ORDER}/push"),
        ("GET", "/health/live"),
        ("GET", f"{RESTAURANT}/menu"),
    ],
)
async def test_an_encoded_body_is_rejected_as_it_is(client: Client, method: str, path: str) -> None:
    """60 KB of gzip could be 60 MB: nothing is inflated, and an unknown encoding is not taken for none."""
    token = ADMIN if method == "PUT" else OWNER if path.endswith("status") else CUSTOMER
    headers = token | {"Content-Type": "application/json", "Idempotency-Key": "k" * 32}
    for encoding in ENCODINGS:
        fields = headers | {"Content-Encoding": encoding}
        async with client.request(method, path, headers=fields, data=COMPRESSED) as response:
            assert response.status == 415, encoding
            assert (await response.json(content_type=None))["type"] == "/problems/unsupported-media-type"
            assert response.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("encoding", ["identity", "Identity, identity", ""])
async def test_identity_is_no_encoding(client: Client, encoding: str) -> None:
    """RFC 9110, section 8.4.1: clients should not send it, and some do."""
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding, "Idempotency-Key": "k" * 32}
    async with client.post("/v1/orders", headers=headers, data=ORDER_JSON) as response:
        assert response.status == 201


@pytest.mark.parametrize(
    ("content_type", "is_accepted"),
    [
        ("application/json; charset=utf-8", True),
        ('application/json;charset="UTF-8"', True),
        ("application/json; charset=us-ascii; a=b", True),
        ("application/json; charset=latin-1", False),
        ("application/json; charset=utf-16", False),
        ("application/json; charset=utf-8; charset=latin-1", False),
    ],
)
async def test_json_is_utf_8(client: Client, content_type: str, is_accepted: bool) -> None:
    """RFC 8259, section 8.1; a body that says otherwise would be read as what it is not."""
    headers = {"Content-Type": content_type, "Idempotency-Key": "k" * 32}
    async with client.post("/v1/orders", headers=headers, data=ORDER_JSON) as response:
        assert response.status == (201 if is_accepted else 415)


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/0.9"])
@pytest.mark.parametrize("target", ["/", f"{RESTAURANT}/menu", "/nowhere"])
async def test_other_versions_of_http_are_rejected(client: Client, version: str, target: str) -> None:
    """The answer is in the version that we have, and the connection is closed."""
    answer = await send_raw(
        client.port, f"GET {target} {version}\r\nHost: x\r\n\r\n".encode(), until_closed=True
    )
    assert answer.startswith(b"HTTP/1.1 505 ") and b"Connection: close" in answer


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
async def test_versions_1_0_and_1_1_are_answered(client: Client, version: str) -> None:
    """RFC 9112."""
    assert b" 200 " in (await send_raw(client.port, f"GET / {version}\r\nHost: x\r\n\r\n".encode()))[:20]


@pytest.fixture
def settings() -> Settings:
    """One order a client; no network is exempt."""
    return Settings(
        admin_token="adm",
        token_secret="secret",
        order_reply_timeout_seconds=0.3,
        client_orders_per_second=0.001,
        client_burst=1,
        rate_limit_exempt_networks="",
    )


async def test_the_last_line_of_x_forwarded_for_names_the_client(client: Client) -> None:
    """Some proxies add a line of their own behind the client's, who would otherwise name its own address."""
    body = json.dumps({name: part for name, part in order_body().items() if name != "customer"}).encode()
    statuses = []
    for number in range(3):
        headers = CIMultiDict({"Idempotency-Key": f"{number:032}", "Content-Type": "application/json"})
        headers.add("X-Forwarded-For", f"8.8.8.{number}")
        headers.add("X-Forwarded-For", "9.9.9.9")
        async with client.post("/v1/orders", headers=headers, data=body) as response:
            statuses.append(response.status)
    assert statuses == [201, 429, 429]


def test_a_chain_of_proxies_is_read_to_a_bounded_depth() -> None:
    """A client may write thousands of addresses of trusted proxies, or one that is no address."""
    assert client_address("127.0.0.1", "8.8.8.8," + "127.0.0.1," * 100_000, "127.0.0.0/8") == "127.0.0.1"
    assert client_address("127.0.0.1", "8.8.8.8," + "127.0.0.1," * 20, "127.0.0.0/8") == "8.8.8.8"
    address = client_address("127.0.0.1", "x" * 8_000, "127.0.0.0/8")
    assert address is not None and customer_network(address) == "x" * MAX_ADDRESS_LENGTH


def test_preferences_are_read_to_a_bounded_number() -> None:
    """A head of 1 MB may hold 400,000."""
    assert wait_seconds(["a," * 99 + "wait=1"], 5.0) == 1.0
    assert wait_seconds(["a," * 4_000] * 100 + ["wait=1"], 5.0) == 5.0


async def test_two_origins_open_no_feed(client: Client) -> None:
    """Of two, one could be allowed."""
    origin = f"http://{client.host}:{client.port}"
    headers = CIMultiDict([("Origin", origin), ("Origin", "https://evil.example")])
    async with client.session.ws_connect(f"{RESTAURANT}/feed", headers=headers) as socket:
        async with asyncio.timeout(5):
            await socket.receive()
        assert socket.close_code == 4403


async def test_offered_subprotocols_are_not_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """aiohttp warns of subprotocols that it does not know: a token may be one of them."""
    token = OWNER["Authorization"].removeprefix("Bearer ")
    with caplog.at_level(logging.WARNING):
        async with client.session.ws_connect(f"{RESTAURANT}/feed", protocols=[f"bearer.{token}"]) as socket:
            await socket.receive()
    assert token not in caplog.text
