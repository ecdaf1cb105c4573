"""What nginx keeps from ingress: its inner pages, and more requests of one address than its share; over a stub of ingress."""

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import ClientSession, web

from compose import ports
from compose.edge import nginx
from compose.supervisor.services import fetch
from ingress.http import problems
from ingress.http.problems import Problem
from schemas.languages import Language
from schemas.settings import Settings
from tests.e2e.test_edge import needs_nginx
from tests.support.waiting import eventually

CUSTOMER, NEIGHBOUR, EXEMPT = "127.0.0.2", "127.0.0.3", "127.0.0.1"
FEED, EVENTS = "/v1/restaurants/r1/feed", "/v1/orders/o1/events"


class IngressStub:
    """Answers everything; a path with `stream`, `events` or `feed` is answered until the client leaves."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.is_stopping = asyncio.Event()
        self.status = 200
        self.body = b"{}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.raw_path)
        if any(name in request.path for name in ("stream", "events", "feed")):
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b": \n\n")
            await self.is_stopping.wait()
        headers = {"Cache-Control": "public, max-age=60"}
        return web.Response(status=self.status, body=self.body, headers=headers)


class Edge(msgspec.Struct):
    """A running nginx."""

    url: str
    folder: Path
    upstream: IngressStub


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    """An nginx that exempts one address of this machine only, before a stub."""
    settings = Settings(
        http_port=ports.any_free(), edge_port=ports.any_free(), rate_limit_exempt_networks=f"{EXEMPT}/32"
    )
    upstream, app = IngressStub(), web.Application()
    app.router.add_route("*", "/{path:.*}", upstream.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, ports.LOOPBACK, settings.http_port).start()
    nginx.prepare(tmp_path, settings)
    process = await asyncio.create_subprocess_exec(*nginx.command(tmp_path))
    url = f"http://{ports.LOOPBACK}:{settings.edge_port}"
    try:
        await eventually(lambda: fetch(f"{url}/edge/live") is not None)
        yield Edge(url, tmp_path, upstream)
    finally:
        process.kill()
        await process.wait()
        upstream.is_stopping.set()
        await runner.cleanup()


@contextlib.asynccontextmanager
async def client_from(address: str, edge: Edge) -> AsyncIterator[ClientSession]:
    connector = aiohttp.TCPConnector(local_addr=(address, 0), limit=0)
    async with ClientSession(edge.url, connector=connector) as session:
        yield session


@needs_nginx
@pytest.mark.parametrize("language", ["pt-BR", "en"])
async def test_inner_pages_are_not_public(edge: Edge, language: Language) -> None:
    """In whatever way they are written; the answer is that of ingress to a path that there is not."""
    paths = ["/metrics", "/metrics?name[]=up", "/%6Detrics", "//metrics", "/v1/..%2fmetrics", "/./metrics"]
    paths += ["/health/live", "/health/ready", "/health", "/%68ealth/ready", "/docs/../health/live"]
    connector = aiohttp.TCPConnector()
    async with ClientSession(connector=connector, requote_redirect_url=False) as session:
        for path in paths:
            reader, writer = await asyncio.open_connection(ports.LOOPBACK, int(edge.url.rpartition(":")[2]))
            head = (
                f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept-Language: {language}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode())
            answer = await asyncio.wait_for(reader.read(), 5)
            writer.close()
            head_lines, _, body = answer.partition(b"\r\n\r\n")
            assert head_lines.startswith(b"HTTP/1.1 404 "), path
            assert b"Content-Type: application/problem+json" in head_lines and b"nosniff" in head_lines
            expected = problems.encode(Problem("not-found"), language)
            assert msgspec.json.decode(body) == msgspec.json.decode(expected)
        async with session.get(f"{edge.url}/edge/live") as response:
            assert response.status == 200
    assert edge.upstream.requests == []


@needs_nginx
async def test_address_has_a_share_of_open_requests(edge: Edge) -> None:
    """Order streams and boards are counted apart, and other addresses too. This machine may have more."""
    async with (
        client_from(CUSTOMER, edge) as customer,
        client_from(NEIGHBOUR, edge) as neighbour,
        client_from(EXEMPT, edge) as exempt,
        contextlib.AsyncExitStack() as opened,
    ):

        async def follow(session: ClientSession, path: str = "/stream") -> aiohttp.ClientResponse:
            return await opened.enter_async_context(await session.get(path))

        held = [await follow(customer) for _ in range(500)]
        assert {response.status for response in held} == {200}
        rejected = await follow(customer)
        assert rejected.status == 429 and int(rejected.headers["Retry-After"]) > 0
        assert rejected.content_type == "application/problem+json"
        expected = problems.encode(Problem("too-many-requests"), "pt-BR")
        assert msgspec.json.decode(await rejected.read()) == msgspec.json.decode(expected)
        assert (await follow(neighbour)).status == 200
        assert (await follow(customer, FEED)).status == (await follow(customer, EVENTS)).status == 200
        assert {(await follow(exempt)).status for _ in range(510)} == {200}


@needs_nginx
@pytest.mark.parametrize("path", [EVENTS, FEED])
async def test_customers_of_a_carrier_follow_orders_and_order(path: str, edge: Edge) -> None:
    """They have one address: 2,000 of them follow, and as many as want to read menus and order; one more does not follow."""
    async with client_from(CUSTOMER, edge) as customers, contextlib.AsyncExitStack() as opened:
        followed: Counter[int] = Counter()
        while followed[200] < 2_000 and followed.total() < 2_300:
            response = await opened.enter_async_context(await customers.get(path))
            followed[response.status] += 1
            if response.status == 429:  # too fast for one address
                await asyncio.sleep(0.1)
        assert followed[200] == 2_000
        for method, other in (("GET", "/catalogo"), ("POST", "/v1/orders"), ("GET", "/v1/orders/o1")):
            async with customers.request(method, other) as response:
                assert response.status == 200
        await asyncio.sleep(0.1)
        async with customers.get(path) as response:
            assert response.status == 429


@needs_nginx
async def test_address_has_a_share_of_orders(edge: Edge) -> None:
    """A burst, then a rate; reads and other addresses go on. A 429 of ingress is passed on as it is."""
    async with (
        client_from(CUSTOMER, edge) as customer,
        client_from(NEIGHBOUR, edge) as neighbour,
        client_from(EXEMPT, edge) as exempt,
    ):

        async def order(session: ClientSession, path: str) -> int:
            async with session.post(path, data=b"{}") as response:
                await response.read()
                return response.status

        statuses: Counter[int] = Counter()
        while statuses[429] < 50 and statuses.total() < 9_000:
            statuses.update(await asyncio.gather(*(order(customer, "/v1/orders") for _ in range(45))))
        assert statuses[200] >= 300 and statuses[429] >= 50 and set(statuses) == {200, 429}
        assert len(edge.upstream.requests) == statuses[200]
        assert await order(neighbour, "/pedidos") == 200
        assert {await order(exempt, "/v1/orders") for _ in range(5)} == {200}
        edge.upstream.status, edge.upstream.body = 429, b"of ingress"
        async with neighbour.post("/v1/orders", data=b"{}") as response:
            assert (response.status, await response.read()) == (429, b"of ingress")


@needs_nginx
async def test_cached_pages_are_bounded(edge: Edge) -> None:
    """In number, and by their length; a long page is passed on and not kept."""
    async with client_from(EXEMPT, edge) as session:

        async def read(query: str) -> str:
            async with session.get(f"/catalogo?{query}") as response:
                assert response.status == 200 and await response.read() == edge.upstream.body
                return response.headers["Cache-Status"]

        for first in range(0, 3_000, 50):
            await asyncio.gather(*(read(f"min_price={n}") for n in range(first, first + 50)))
        assert await read("min_price=2999") == "edge; hit"
        kept = [path for path in (edge.folder / "cache").rglob("*") if path.is_file()]
        assert len(kept) <= 2_048, "times 100 kB: within max_size"
        edge.upstream.body = b"x" * 100_000
        assert await read("q=long") == await read("q=long") == "edge; fwd=miss"
        edge.upstream.body = b"x" * 99_999
        await read("q=short")
        assert await read("q=short") == "edge; hit"


@pytest.mark.parametrize(
    ("addresses", "customer"),
    [
        (["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::9", "2001:db8:1:2:0:4::6"], "2001:db8:1:2"),
        (["2001:db8::1", "2001:db8::5:6:7:8"], "2001:db8::"),
        (["::1"], "::"),
        (["203.0.113.7"], "203.0.113.7"),
    ],
)
def test_ipv6_customer_is_one_address(addresses: list[str], customer: str) -> None:
    """By the patterns of the configuration, as nginx writes addresses."""
    text = (Path(nginx.__file__).parent / "nginx.conf").read_text()
    block = text.partition("map $remote_addr $customer {")[2].partition("}\n  map")[0]
    rules = re.findall(r'"~(\S+)"\s+\$network(\S*);', block)
    assert len(rules) == 2
    for address in addresses:
        matched = [(re.match(pattern.replace("(?<", "(?P<"), address), rest) for pattern, rest in rules]
        names = [found["network"] + rest for found, rest in matched if found]
        assert (names or [address])[0] == customer
