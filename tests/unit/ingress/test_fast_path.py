"""The fast path answers as aiohttp does, whatever arrives and however it is cut into pieces."""

import asyncio
import re
import time
from collections.abc import AsyncIterator

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from aiohttp.typedefs import Handler
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from ingress.commands.admission import Pressure
from ingress.commands.client import CommandClient
from ingress.fast_path import early_rejection
from ingress.fast_path.connection import FastPathConnection
from ingress.fast_path.early_rejection import EarlyRejector, RejectionResponse
from ingress.fast_path.rejection_batch import FLUSH_INTERVAL_SECONDS, RejectionBatch
from ingress.load_shedding.admitted_orders import AdmittedOrders
from ingress.server.connection_limits import limited_connections
from ingress.views.change_tracker import ChangeTracker
from ingress.views.menu_cache import MenuCache
from schemas.settings import Settings
from tests.support.ingress.apps import HOST, application, serving
from tests.support.ingress.fakes import FakeProducer, FakeViews
from tests.support.ingress.samples import item, menu
from tests.unit.ingress.conftest import Client

#: In an hour: a page whose age does not change while the tests run.
AS_OF = time.time_ns() // 1_000_000 + 3_600_000
MENU = "/v1/restaurants/r1/menu"
GET_MENU = f"GET {MENU} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
SETTINGS = Settings(
    admin_token="adm", token_secret="secret", order_reply_timeout_seconds=0.3, max_in_flight_commands=9
)
WITHOUT_FAST_PATH = msgspec.structs.replace(SETTINGS, fast_path=False)


def shown() -> FakeViews:
    """Return views with a restaurant of two items, and one whose id URLs escape."""
    views = FakeViews()
    views.publish_watermarks(AS_OF)
    for name in ("r1", "ré"):
        views.show(name, menu([item("coxinha", 990), item("agua", 300, name="Água")], as_of=AS_OF))
    return views


@pytest.fixture
async def ports() -> AsyncIterator[tuple[int, int]]:
    """The ports of two servers of the same application: with the fast path, and without."""
    async with (
        serving(application(SETTINGS, views=shown())) as hot,
        serving(application(WITHOUT_FAST_PATH, views=shown())) as common,
    ):
        for port in (hot, common):
            for path in (MENU, "/v1/restaurants/r%C3%A9/menu?limit=1"):
                await talk(port, [f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), LAST])
        yield hot, common


async def talk(port: int, pieces: list[bytes]) -> list[tuple[bytes, ...]]:
    """Return the responses to these bytes, each as status line, headers and body, without what varies with time."""
    reader, writer = await asyncio.open_connection(HOST, port)
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0.001)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    heads = re.split(rb"(?=HTTP/1\.[01] \d)", re.sub(rb"(?:Date|Server|Connection): [^\r]*\r\n", b"", answer))
    return [(line, *sorted(rest.split(b"\r\n"))) for line, _, rest in (h.partition(b"\r\n") for h in heads)]


requests = st.sampled_from(
    [
        GET_MENU,
        f"GET {MENU} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nIf-None-Match: *\r\n\r\n".encode(),
        f"GET {MENU}?sort=-price&limit=1 HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        f"GET {MENU}?limit=0 HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        f"HEAD {MENU} HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        f"GET {MENU} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello".encode(),
        b"GET /v1/restaurants/r%C3%A9/menu?limit=1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/restaurants/none/menu HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /catalogo?restaurant_id=r1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /catalogo HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PUT /v1/restaurants/r1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ]
)
LAST = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
#: After each of these aiohttp closes the connection.
endings = st.sampled_from(
    [
        LAST,
        f"GET {MENU} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n".encode(),
        f"GET {MENU} HTTP/1.1\nHost: x\n\n".encode(),
        f"GET {MENU} HTTP/1.0\r\n\r\n".encode(),
        f"GET {MENU} HTTP/1.1\r\n\r\n".encode(),
        f"GET {MENU} HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n".encode(),
        b"NONSENSE\r\n\r\n",
    ]
)


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(requests, max_size=6), endings, st.lists(st.integers(1, 400), max_size=6), st.booleans())
async def test_both_ways_answer_alike(
    ports: tuple[int, int], sent: list[bytes], last: bytes, cuts: list[int], by_request: bool
) -> None:
    """Requests one by one or pipelined, cut anywhere: the responses differ in nothing but the time."""
    pieces = [*sent, last]
    if not by_request:
        rest, pieces = b"".join([*sent, LAST]), []
        for cut in cuts:
            pieces.append(rest[:cut])
            rest = rest[cut:]
        pieces.append(rest)
    hot, common = ports
    assert await talk(hot, pieces) == await talk(common, pieces)


async def answered_by_aiohttp(settings: Settings, pieces: list[bytes]) -> list[str]:
    """Return the paths of the requests that reach aiohttp, of those that are sent after one request for a menu."""
    paths: list[str] = []

    @web.middleware
    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        paths.append(request.path)
        return await handler(request)

    app = application(settings, views=shown())
    app.middlewares.append(note)
    async with serving(app) as port:
        await talk(port, [GET_MENU, LAST])
        paths.clear()
        answers = await talk(port, [*pieces, LAST])
    assert len([line for line, *_ in answers if line]) == len(pieces) + 1
    return paths


async def test_fast_path_resumes_after_other_requests() -> None:
    """A reverse proxy mixes the requests of many customers on one connection."""
    order = b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    paths = await answered_by_aiohttp(SETTINGS, [GET_MENU, order, GET_MENU, order, GET_MENU])
    assert paths == ["/v1/orders", "/v1/orders", "/health/live"]


async def test_fast_path_can_be_switched_off() -> None:
    """PROMO_FAST_PATH=0: aiohttp answers everything."""
    paths = await answered_by_aiohttp(WITHOUT_FAST_PATH, [GET_MENU, GET_MENU])
    assert paths == [MENU, MENU, "/health/live"]


async def test_fast_path_counts_and_dates(client: Client, views: FakeViews) -> None:
    """Contract: `promo_http_requests_total{route, method, status}`; RFC 9110: Date."""
    views.show("r1", menu([item("coxinha")], as_of=time.time_ns() // 1_000_000))
    labels = {"method": "GET", "route": "/v1/restaurants/{restaurant_id}/menu", "status": "200"}

    def count() -> float:
        return REGISTRY.get_sample_value("promo_http_requests_total", labels) or 0.0

    await client.get(MENU)
    before = count()
    response = await client.get(MENU)
    assert response.headers["Date"].endswith("GMT") and count() == before + 1


class Fallback(asyncio.Protocol):
    """Stands in for aiohttp: keeps what it is passed."""

    def __init__(self) -> None:
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data


class Transport(asyncio.Transport):
    """Keeps what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def is_closing(self) -> bool:
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert (high, low) == (0, None), "all that is not sent is counted"

    def get_write_buffer_size(self) -> int:
        return len(self.sent)


async def test_unread_responses_stop_the_fast_path() -> None:
    """A client that sends requests and reads no response must not fill the memory of ingress."""
    views = shown()
    tracker = ChangeTracker(views, 8)
    await tracker.poll()
    menus = MenuCache(views, tracker, 1.0)
    await menus.menu("r1", "")
    fallback, transport = Fallback(), Transport()
    rejector = EarlyRejector(CommandClient(FakeProducer(), 0, 1), AdmittedOrders())
    connection = FastPathConnection(
        fallback, limited_connections(Settings()), menus, rejector, RejectionBatch()
    )
    connection.connection_made(transport)
    connection.data_received(GET_MENU)
    assert transport.sent and not fallback.received
    sent = transport.sent
    connection.pause_writing()
    connection.data_received(GET_MENU)
    assert transport.sent == sent and fallback.received == GET_MENU
    connection.resume_writing()
    connection.request_finished(make_mocked_request("GET", "/"))
    connection.data_received(GET_MENU)
    assert transport.sent == sent * 2 and fallback.received == GET_MENU


class RejectAll:
    """Rejects every order."""

    def reject(self, data: bytes) -> RejectionResponse | None:
        return RejectionResponse("/v1/orders", b"no;") if data.startswith(b"POST /v1/orders ") else None


ORDER = b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


def rejected(count: int) -> tuple[RejectionBatch, list[tuple[FastPathConnection, Transport, Fallback]]]:
    """Return connections that have each sent an order that is rejected."""
    batch, found = RejectionBatch(), []
    views = shown()
    for _ in range(count):
        fallback, transport = Fallback(), Transport()
        menus = MenuCache(views, ChangeTracker(views, 8), 1.0)
        connection = FastPathConnection(fallback, limited_connections(Settings()), menus, RejectAll(), batch)  # type: ignore[arg-type]
        connection.connection_made(transport)
        connection.data_received(ORDER)
        found.append((connection, transport, fallback))
    return batch, found


async def test_rejections_are_sent_together() -> None:
    """They wait for the end of an interval, and no longer."""
    _, found = rejected(3)
    assert [transport.sent for _, transport, _ in found] == [b""] * 3
    await asyncio.sleep(FLUSH_INTERVAL_SECONDS * 2)
    assert [transport.sent for _, transport, _ in found] == [b"no;"] * 3


async def test_rejection_precedes_later_responses() -> None:
    """HTTP/1.1 keeps responses in the order of pipelined requests."""
    _, ((connection, transport, fallback),) = rejected(1)
    connection.data_received(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    assert transport.sent == b"no;" and fallback.received
    connection.data_received(ORDER)
    await asyncio.sleep(FLUSH_INTERVAL_SECONDS * 2)
    assert fallback.received.endswith(ORDER), "aiohttp has a request in flight, and answers in order"
    assert transport.sent == b"no;"


async def test_rejection_is_sent_at_end_of_input() -> None:
    """A client that closes its side still gets its response."""
    _, ((connection, transport, _),) = rejected(1)
    connection.eof_received()
    assert transport.sent == b"no;"


async def test_closed_batch_delays_nothing() -> None:
    """At shutdown all rejections are sent, and later ones at once."""
    batch, ((connection, transport, _),) = rejected(1)
    batch.close()
    assert transport.sent == b"no;"
    connection.data_received(ORDER)
    assert transport.sent == b"no;" * 2


async def test_no_rejection_to_closed_connection() -> None:
    """A client that has left is sent nothing."""
    _, ((_, transport, _),) = rejected(1)
    transport.is_closing = lambda: True  # type: ignore[method-assign]
    await asyncio.sleep(FLUSH_INTERVAL_SECONDS * 2)
    assert transport.sent == b""


class NoRoom:
    """Commands for which there is no room."""

    pressure = Pressure.ORDERS

    def should_reject_order(self) -> bool:
        return True


async def test_rejections_are_rendered_once_for_each_language() -> None:
    """Clients can spell Accept-Language in any number of ways, of eight thousand characters each."""
    rejector = EarlyRejector(NoRoom(), AdmittedOrders())  # type: ignore[arg-type]
    early_rejection._response.cache_clear()
    for number in range(300):
        head = f"POST /v1/orders HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nAccept-Language: en, x-{number}\r\n"
        assert (
            rejector.reject(f'{head}Content-Length: 22\r\n\r\n{{"restaurant_id":"r1"}}'.encode()) is not None
        )
    assert early_rejection._response.cache_info().currsize <= 3  # the values of Retry-After
