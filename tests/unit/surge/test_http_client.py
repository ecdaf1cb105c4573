"""The generators' own client, against a real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.surge.http_client import ConnectionPool, header

GET = b"GET / HTTP/1.1\r\nHost: promo\r\n\r\n"


@asynccontextmanager
async def serving(answer: web.Request | object) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/", answer)  # type: ignore[arg-type]
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def test_requests_share_connections_and_get_their_own_answers() -> None:
    peers = set()

    async def answer(request: web.Request) -> web.Response:
        peers.add(request.transport.get_extra_info("peername"))  # type: ignore[union-attr]
        await asyncio.sleep(0)
        return web.Response(body=request.headers["X-Number"].encode() * 5000, headers={"Retry-After": "3"})

    async with serving(answer) as port:
        pool = ConnectionPool("127.0.0.1", port, 4)
        requests = [
            b"GET / HTTP/1.1\r\nHost: promo\r\nX-Number: %d\r\n\r\n" % number for number in range(100)
        ]
        answers = await asyncio.gather(*map(pool.request, requests))
    assert [body for _, _, body in answers] == [b"%d" % n * 5000 for n in range(100)]
    assert len(peers) == 4 and header(answers[0][1], b"retry-after") == "3"


async def test_refused_or_aborted_connection_is_status_0() -> None:
    async def answer(request: web.Request) -> web.Response:
        request.transport.abort()  # type: ignore[union-attr]
        return web.Response()

    async with serving(answer) as port:
        assert (await ConnectionPool("127.0.0.1", port, 1).request(GET))[0] == 0
    assert (await ConnectionPool("127.0.0.1", port, 1).request(GET))[0] == 0, "the server has stopped"


async def test_request_on_closed_idle_connection_is_repeated() -> None:
    """As any client does, on another connection; otherwise each process that ends would cost answers."""

    async def answer(request: web.Request) -> web.Response:
        closing.append(request.transport)
        return web.Response()

    closing: list[asyncio.BaseTransport | None] = []
    async with serving(answer) as port:
        pool = ConnectionPool("127.0.0.1", port, 1)
        assert (await pool.request(GET))[0] == 200
        closing[0].close()  # type: ignore[union-attr]
        assert (await pool.request(GET))[0] == 200


async def test_waiting_requests_are_served_after_an_abort() -> None:
    count = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal count
        count += 1
        if count == 1:
            request.transport.abort()  # type: ignore[union-attr]
        return web.Response()

    async with serving(answer) as port:
        pool = ConnectionPool("127.0.0.1", port, 1)
        answers = await asyncio.gather(*(pool.request(GET) for _ in range(5)))
    assert [status for status, *_ in answers] == [0, 200, 200, 200, 200]
