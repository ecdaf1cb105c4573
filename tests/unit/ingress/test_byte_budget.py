"""Budgets in bytes that all clients of a process share."""

import asyncio
import gc
import socket
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.live import send_queue
from ingress.live.send_queue import SendQueue
from ingress.memory import budgets
from ingress.memory.byte_budget import ByteBudget
from ingress.server import connection
from schemas.settings import Settings
from tests.support.ingress.apps import HOST, application, serving
from tests.support.ingress.fakes import FakeViews
from tests.support.ingress.samples import item, menu

BUDGET = 1_000


class Client:
    """Holds bytes until it is dropped."""

    def __init__(self) -> None:
        self.size = 0
        self.is_dropped = False

    def drop(self) -> None:
        self.is_dropped = True
        self.size = 0


def small_budget() -> ByteBudget:
    """Return a budget of `BUDGET` bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(budgets.CLIENTS, "test", BUDGET)
        return ByteBudget("test")


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2 * BUDGET)), max_size=100))
def test_clients_never_hold_more_than_their_budget(changes: list[tuple[int, int]]) -> None:
    """Whatever each of them holds; the budget counts those only that are not dropped."""
    budget, clients = small_budget(), [Client() for _ in range(10)]
    for number, size in changes:
        clients[number].size = size
        budget.set(clients[number], size)
        assert budget.held_bytes == sum(client.size for client in clients) <= BUDGET


def test_largest_client_is_dropped_first() -> None:
    """The client that sends one byte too many pays for nothing that another holds."""
    budget, large, small = small_budget(), Client(), Client()
    budget.set(large, BUDGET)
    budget.add(small, 1)
    assert large.is_dropped and not small.is_dropped and budget.held_bytes == 1


async def test_queues_of_all_clients_share_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight thousand queues of a MiB each would be 8 GB; the fullest overflow, and the others get their messages."""
    monkeypatch.setattr(send_queue, "_budget", small_budget())
    full, other = SendQueue(), SendQueue()
    for _ in range(9):
        full.put(b"x" * 100)
    other.put(b"y" * 200)
    assert full.has_overflowed and full.is_empty
    assert await other.get(1) == b"y" * 200


async def test_queue_of_a_client_that_left_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client may leave before it has received everything."""
    budget = small_budget()
    monkeypatch.setattr(send_queue, "_budget", budget)
    queue = SendQueue()
    queue.put(b"x" * 100)
    queue.drop()
    assert budget.held_bytes == 0


SETTINGS = Settings(token_secret="secret")
HEAD = b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n"


async def read_response(reader: asyncio.StreamReader) -> bytes:
    """Return the head of the next response on a connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
    return head


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /v1/restaurants HTTP/1.1\r\n"
        + b"".join(b"X-%d: %b\r\n" % (n, b"y" * 8_000) for n in range(90)),
        HEAD + b"Content-Length: 65536\r\n\r\n" + b" " * 65_000,
        b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
        + HEAD
        + b"Content-Length: 65536\r\n\r\n"
        + b" " * 65_000,
        b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n" * 3
        + b"GET /v1/restaurants HTTP/1.1\r\n"
        + b"".join(b"X-%d: %b\r\n" % (n, b"y" * 8_000) for n in range(20)),
    ],
    ids=["head", "body", "pipelined body", "pipelined head"],
)
@pytest.mark.parametrize("fast_path", [True, False])
async def test_unfinished_requests_share_a_budget(
    begun: bytes, fast_path: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections that each leave the largest request unfinished are closed, and others are served."""
    monkeypatch.setattr(connection.UNANSWERED, "_max_bytes", 10 * len(begun))
    app = application(Settings(token_secret="secret", fast_path=fast_path))
    async with serving(app) as port:
        opened = []
        for _ in range(20):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(begun)
            await asyncio.sleep(0.005)
            opened.append((reader, writer))
            assert connection.UNANSWERED.held_bytes <= 10 * len(begun)
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        for _, writer in opened:
            writer.close()


async def test_answered_requests_hold_nothing() -> None:
    """However many a connection sends."""
    async with serving(application(SETTINGS)) as port:
        before = connection.UNANSWERED.held_bytes
        reader, writer = await asyncio.open_connection(HOST, port)
        for _ in range(5):
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"}")
        await asyncio.sleep(0.01)
        assert connection.UNANSWERED.held_bytes == before
        writer.close()


@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("line", ["POST /v1/orders", "POST /nothing", "PUT /v1/orders"])
async def test_idle_connections_hold_nothing_of_bodies_in_pieces(
    line: str, is_chunked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were answered, and may send further requests: none is closed for the memory of those."""
    body, end = b" " * 60_000, b""
    framing = b"Content-Length: 60000"
    if is_chunked:
        framing, body, end = b"Transfer-Encoding: chunked", b"ea60\r\n" + body, b"\r\n0\r\n\r\n"
    head = HEAD.replace(b"POST /v1/orders", line.encode()) + framing + b"\r\n\r\n"
    async with serving(application(SETTINGS)) as port:
        before = connection.UNANSWERED.held_bytes
        monkeypatch.setattr(connection.UNANSWERED, "_max_bytes", before + 200_000)
        opened = [await asyncio.open_connection(HOST, port) for _ in range(6)]
        for _ in range(3):
            for reader, writer in opened:
                writer.write(head + body[:30_000])
                await asyncio.sleep(0.005)
                writer.write(body[30_000:] + end)
                assert (await read_response(reader)).startswith(b"HTTP/1.1 4")
        await asyncio.sleep(0.05)
        assert connection.UNANSWERED.held_bytes - before <= (6 * 20 if is_chunked else 0)
        for reader, writer in opened:
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await read_response(reader)).startswith(b"HTTP/1.1 200 ")
            writer.close()


async def test_unread_responses_share_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that request large pages and read nothing are disconnected, and others are served."""
    monkeypatch.setattr(connection.UNREAD, "_max_bytes", 500_000)
    views = FakeViews()
    views.show("r1", menu([item(f"s{n:03}", description="d" * 2_000) for n in range(100)]))
    request = b"GET /v1/restaurants/r1/menu?limit=100 HTTP/1.1\r\nHost: x\r\n\r\n"
    async with serving(application(SETTINGS, views=views)) as port:
        slow = []
        for _ in range(6):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.setblocking(False)
            await asyncio.get_running_loop().sock_connect(client, (HOST, port))
            for _ in range(60):
                client.send(request)
                await asyncio.sleep(0.001)
            slow.append(client)
            assert connection.UNREAD.held_bytes <= 500_000
        assert connection.UNREAD.held_bytes > 0, "the system has sent everything: request more"
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(request.replace(b"Host", b"Connection: close\r\nHost"))
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        for client in slow:
            client.close()
        writer.close()


async def test_body_of_a_client_that_left_is_freed_at_once() -> None:
    """Not with the next full collection, which is rare: each attempt would hold a hundred KiB until then."""
    body = HEAD + b"Content-Length: 65536\r\n\r\n" + b" " * 65_000
    async with serving(application(SETTINGS)) as port:
        before = connection.UNANSWERED.held_bytes
        gc.collect()
        gc.disable()
        tracemalloc.start()
        for _ in range(30):
            _, writer = await asyncio.open_connection(HOST, port)
            writer.write(body)
            await asyncio.sleep(0.01)
            writer.transport.abort()
            await asyncio.sleep(0.01)
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        gc.enable()
        assert held < 30 * 40_000
        assert connection.UNANSWERED.held_bytes == before


@pytest.mark.parametrize(
    "line", ["POST /nothing", "PUT /v1/orders", "POST /v1/orders/o/cancel", "POST /v1/orders", "GET /nothing"]
)
async def test_body_that_is_not_read_is_freed_at_once(line: str) -> None:
    """A request that is rejected by its head costs no memory afterwards, however large its body is."""
    request = f"{line} HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n".encode() + b"[" * 60_000
    async with serving(application(SETTINGS)) as port:
        gc.collect()
        gc.disable()
        tracemalloc.start()
        for _ in range(20):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(request)
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 4")
            await asyncio.sleep(0.005)
            writer.close()
            await asyncio.sleep(0.005)
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        gc.enable()
        assert held < 20 * 30_000
