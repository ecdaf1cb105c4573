"""The hot path answers as aiohttp does behind it, whatever comes and however it is cut into pieces."""

import asyncio
import re
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingress import front, refusing
from ingress.app import make_app
from ingress.asking import Asking
from ingress.attempts import Attempts
from ingress.connections import Connections
from ingress.health import Health
from ingress.hot_path import HotConnection
from ingress.listening import listening
from ingress.menus import Menus
from ingress.sending_away import HOLD_SECONDS, SendingAway
from ingress.shedding import Door, Refusal
from ingress.watch import Watch
from schemas.settings import Settings
from tests.ingress.conftest import HOST, Client
from tests.ingress.fakes import FakeLog, FakeViews, QuietFeeds
from tests.ingress.samples import item, menu
from tests.privacy.keyrings import whole_keyring

#: In an hour: a page whose age does not change while the tests run.
AS_OF = time.time_ns() // 1_000_000 + 3_600_000
MENU = "/v1/restaurants/r1/menu"


def shown() -> FakeViews:
    """Return views with a restaurant of two items, and a letter in its name that URLs escape."""
    views = FakeViews()
    views.tell(AS_OF)
    for name in ("r1", "ré"):
        views.show(name, menu([item("coxinha", 990), item("agua", 300, name="Água")], as_of=AS_OF))
    return views


@pytest.fixture
async def ports() -> AsyncIterator[tuple[int, int]]:
    """The same application with the hot path and without."""
    configured = Settings(admin_token="adm", token_secret="secret", order_wait_seconds=0.3)

    def app() -> web.Application:
        log, views = FakeLog(), shown()
        log.asking = Asking(log, reply_partition=3, most=9)
        return make_app(
            configured, log.asking, views, Health({"views": views.ping}), whole_keyring(), QuietFeeds()
        )

    async with listening(app(), HOST, 0, patience=1) as hot:
        runner = web.AppRunner(app(), access_log=None)
        await runner.setup()
        server = runner.server
        assert server is not None
        listener = await asyncio.get_running_loop().create_server(lambda: refusing.protocol(server), HOST, 0)
        common = listener.sockets[0].getsockname()[1]
        for port in (hot, common):
            for path in (MENU, "/v1/restaurants/r%C3%A9/menu?limit=1"):
                await talk(port, [f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), LAST])
        yield hot, common
        listener.close()
        await runner.cleanup()


async def talk(port: int, pieces: list[bytes]) -> list[tuple[bytes, ...]]:
    """Return the answers to these bytes, each as status line, headers and body, without what tells the time."""
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
        f"GET {MENU} HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
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
#: After these aiohttp closes the connection.
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


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(requests, max_size=6), endings, st.lists(st.integers(1, 400), max_size=6), st.booleans())
async def test_both_ways_give_the_same_answers_in_the_same_order(
    ports: tuple[int, int], sent: list[bytes], last: bytes, cuts: list[int], by_request: bool
) -> None:
    """Requests one by one or pipelined, cut anywhere: the bytes that come back differ in nothing but the time."""
    pieces = [*sent, last]
    if not by_request:
        whole, pieces = b"".join([*sent, LAST]), []
        for cut in cuts:
            pieces.append(whole[:cut])
            whole = whole[cut:]
        pieces.append(whole)
    hot, common = ports
    assert await talk(hot, pieces) == await talk(common, pieces)


async def test_a_menu_is_hot_again_after_other_requests_on_its_connection(
    ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway mixes the requests of many customers on one connection."""
    common: list[str] = []
    answer = front._answer

    async def seen(request: web.Request, handler: front.Handler) -> web.StreamResponse:
        common.append(request.path)
        return await answer(request, handler)

    monkeypatch.setattr(front, "_answer", seen)
    get = f"GET {MENU} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    order = b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    answers = await talk(ports[0], [get, order, get, order, get, LAST])
    assert len([line for line, *_ in answers if line]) == 6
    assert common == ["/v1/orders", "/v1/orders", "/health/live"]


async def test_a_hot_answer_is_counted_and_dated(client: Client, views: FakeViews) -> None:
    """Contract: `promo_http_requests_total{route, method, status}`; RFC 9110: Date."""
    views.show("r1", menu([item("coxinha")], as_of=time.time_ns() // 1_000_000))
    name = 'promo_http_requests_total{method="GET",route="/v1/restaurants/{restaurant_id}/menu",status="200"}'

    async def counted() -> float:
        text = await (await client.get("/metrics")).text()
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    await client.get(MENU)
    before = await counted()
    response = await client.get(MENU)
    assert response.headers["Date"].endswith("GMT") and await counted() == before + 1


class Behind(asyncio.Protocol):
    """Takes what is left to aiohttp."""

    def __init__(self) -> None:
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data


class Transport(asyncio.Transport):
    """Takes what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def is_closing(self) -> bool:
        return False


async def test_who_does_not_read_is_left_to_aiohttp_which_waits() -> None:
    """A client that asks and does not read must not fill the memory of ingress."""
    views = shown()
    watch = Watch(views, 8)
    await watch.ask()
    menus = Menus(views, watch, unwell_seconds=1)
    await menus.menu("r1", "")
    behind, transport = Behind(), Transport()
    connection = HotConnection(
        behind, menus, Door(Asking(FakeLog(), 0, 1), Attempts()), SendingAway(), Connections(1)
    )
    connection.connection_made(transport)
    get = f"GET {MENU} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    connection.data_received(get)
    assert transport.sent and not behind.received
    sent = transport.sent
    connection.pause_writing()
    connection.data_received(get)
    assert transport.sent == sent and behind.received == get
    connection.resume_writing()
    connection.answered(None)
    connection.data_received(get)
    assert transport.sent == sent * 2 and behind.received == get


class Full:
    """A door that sends every order away."""

    def refuse(self, data: bytes) -> Refusal | None:
        return Refusal("/v1/orders", b"no;") if data.startswith(b"POST /v1/orders ") else None


ORDER = b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


def turned_away(count: int) -> tuple[SendingAway, list[tuple[HotConnection, Transport, Behind]]]:
    """Return connections that have sent an order each, for which there is no room."""
    away, found = SendingAway(), []
    views = shown()
    for _ in range(count):
        behind, transport = Behind(), Transport()
        menus = Menus(views, Watch(views, 8), unwell_seconds=1)
        connection = HotConnection(behind, menus, Full(), away, Connections(1))  # type: ignore[arg-type]
        connection.connection_made(transport)
        connection.data_received(ORDER)
        found.append((connection, transport, behind))
    return away, found


async def test_who_is_sent_away_is_told_together_with_others_and_soon() -> None:
    _, found = turned_away(3)
    assert [transport.sent for _, transport, _ in found] == [b""] * 3
    await asyncio.sleep(HOLD_SECONDS * 2)
    assert [transport.sent for _, transport, _ in found] == [b"no;"] * 3


async def test_what_follows_an_order_that_is_sent_away_is_answered_after_it() -> None:
    """As HTTP wants it, for clients that do not wait for an answer before they ask again."""
    _, ((connection, transport, behind),) = turned_away(1)
    connection.data_received(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    assert transport.sent == b"no;" and behind.received
    connection.data_received(ORDER)
    await asyncio.sleep(HOLD_SECONDS * 2)
    assert behind.received.endswith(ORDER), "aiohttp has a request under way, and answers in order"
    assert transport.sent == b"no;"


async def test_who_sends_no_more_is_told_before_the_connection_ends() -> None:
    _, ((connection, transport, _),) = turned_away(1)
    connection.eof_received()
    assert transport.sent == b"no;"


async def test_before_connections_end_all_are_told_and_nobody_is_held_any_more() -> None:
    away, ((connection, transport, _),) = turned_away(1)
    away.close()
    assert transport.sent == b"no;"
    connection.data_received(ORDER)
    assert transport.sent == b"no;" * 2


async def test_who_has_left_meanwhile_is_told_nothing() -> None:
    _, ((_, transport, _),) = turned_away(1)
    transport.is_closing = lambda: True  # type: ignore[method-assign]
    await asyncio.sleep(HOLD_SECONDS * 2)
    assert transport.sent == b""
