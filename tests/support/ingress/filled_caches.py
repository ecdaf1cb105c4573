"""`python -m tests.support.ingress.filled_caches CACHE...`: fills caches of ingress with their worst entries, twice over.

Prints by how many MiB the memory of this process grew.
"""

import asyncio
import contextlib
import gc
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import uvloop

from ingress.fast_path import request_parser
from ingress.http.content_negotiation import negotiate_language
from ingress.http.tokens import Tokens
from ingress.live.send_queue import SendQueue
from ingress.load_shedding.rate_limits import MAX_CLIENTS, TokenBuckets, client_address
from ingress.memory import budgets
from ingress.memory.budgets import MIB
from ingress.views import menu_page
from ingress.views.change_tracker import ChangeTracker
from ingress.views.menu_cache import MenuCache
from ingress.views.menu_page import MenuQuery, build_listing
from ingress.views.ports import MenuView, ViewVersion
from ingress.web import assets
from schemas.settings import Settings
from tests.support.ingress.apps import HOST, application, serving
from tests.support.ingress.fakes import FakeViews
from tests.support.ingress.samples import NOW, item, menu

#: A text that needs four bytes for each of its characters, one of which alone is no ASCII.
WIDE = "😀" + "d" * 1_999


class ManyMenus(FakeViews):
    """Restaurants whose menus are read as they are from Redis: each time as new objects.

    `large`: 25 items with the worst descriptions; `small`: one item. Others do not exist.
    """

    def __init__(self) -> None:
        super().__init__()
        self.texts: Sequence[str] = [WIDE] * 25
        self._decode = msgspec.json.Decoder(MenuView).decode

    async def menus(self, keys: Sequence[str]) -> tuple[ViewVersion, dict[str, MenuView]]:
        items = [item(f"s{number:03}", description=text) for number, text in enumerate(self.texts)]
        raw = msgspec.json.encode(menu(items))
        return ViewVersion(self.generation, 0), {key: self._decode(raw) for key in keys}


def resident_mib() -> float:
    """Return the memory of this process, in MiB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / MIB


async def fill_menus(menus: MenuCache, views: ManyMenus) -> None:
    """Read distinct menus."""
    for number in range(2 * budgets.CACHES["menus"] // 200_000):
        await menus.restaurant_name(f"r{number}")


async def fill_small_pages(menus: MenuCache, views: ManyMenus) -> None:
    """Request many small pages, each twice."""
    views.texts = [""]
    for number in range(20_000):
        for _ in range(2):
            await menus.menu("small", f"max_price={number}&category={'c' * 200}")


async def fill_large_pages(menus: MenuCache, views: ManyMenus) -> None:
    """Request large pages, each twice."""
    views.texts = [WIDE[1:]] * 100
    for number in range(2 * budgets.CACHES["pages"] // 200_000):
        for _ in range(2):
            await menus.menu("large", f"limit=100&min_price={number % 1_000}&category=geral")


async def fill_request_heads(menus: MenuCache, views: ManyMenus) -> None:
    """Parse distinct long requests, each twice."""
    for number in range(4_000):
        query = f"cursor=%F0%9F%98%80{'d' * 1_950}{number}"
        head = f"GET /v1/restaurants/r/menu?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        assert request_parser.parse_menu_request(head) and request_parser.parse_menu_request(head)


async def fill_queries(menus: MenuCache, views: ManyMenus) -> None:
    """Parse distinct queries, each twice."""
    for number in range(4_000):
        for _ in range(2):
            menu_page.parse_query(f"q={'d' * 90}&category=%F0%9F%98%80{'d' * 120}{number}")


async def fill_search_texts(menus: MenuCache, views: ManyMenus) -> None:
    """Search distinct descriptions."""
    for number in range(20):
        found = [item("s", description=f"{number} {place} {WIDE}") for place in range(100)]
        build_listing(menu(found), MenuQuery(q="zzz"), NOW, degraded=False)


async def fill_web_pages(menus: MenuCache, views: ManyMenus) -> None:
    """Request the pages of distinct restaurants, each twice."""
    for number in range(4_000):
        for _ in range(2):
            assets.load().page("customer", "en", f"{number}{'r' * 2_000}", WIDE[:200])


async def fill_send_queues(menus: MenuCache, views: ManyMenus) -> None:
    """Publish to clients that read nothing."""
    queues.extend(SendQueue() for _ in range(8_000))
    for queue in queues:
        for _ in range(4):
            queue.put(bytes(10_000))


async def fill_rate_limits(menus: MenuCache, views: ManyMenus) -> None:
    """Order as many distinct clients with long names."""
    for number in range(2 * MAX_CLIENTS):
        buckets.consume(f"customer {number} {'😀' * 128}", number / 1000)


async def fill_headers(menus: MenuCache, views: ManyMenus) -> None:
    """Send distinct long headers whose meaning is cached."""
    for number in range(5_000):
        negotiate_language(f"en;q=0.{number}, {'x' * 8_000}")
        client_address("127.0.0.1", f"{'x' * 8_000}{number}, 127.0.0.1", "127.0.0.0/8")


async def fill_connections(menus: MenuCache, views: ManyMenus) -> None:
    """Connect, and request something that aiohttp answers."""
    await connect(lambda number: b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")


async def fill_streams(menus: MenuCache, views: ManyMenus) -> None:
    """Follow distinct orders, which no view shows."""
    tokens = Tokens(SETTINGS.token_secret, "")

    def request(number: int) -> bytes:
        order = f"o-{number:032x}"
        head = f"GET /v1/orders/{order}/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
        return f"{head}Authorization: Bearer {tokens.order(order)}\r\n\r\n".encode()

    await connect(request)


async def connect(request: Callable[[int], bytes]) -> None:
    """Open `CONNECTIONS` connections, and wait on each for the start of a response."""
    port = await servers.enter_async_context(serving(application(SETTINGS)))
    loop = asyncio.get_running_loop()
    for number in range(CONNECTIONS):
        client = socket.socket()
        client.setblocking(False)
        await loop.sock_connect(client, (HOST, port))
        await loop.sock_sendall(client, request(number))
        assert (await loop.sock_recv(client, 12)) == b"HTTP/1.1 200"
        clients.append(client)


CONNECTIONS = 1_000
SETTINGS = Settings(token_secret="secret")
servers = contextlib.AsyncExitStack()
clients: list[socket.socket] = []
queues: list[SendQueue] = []
buckets = TokenBuckets(1.0, 1)
FILLS = {
    "menus": fill_menus,
    "small pages": fill_small_pages,
    "large pages": fill_large_pages,
    "request_heads": fill_request_heads,
    "queries": fill_queries,
    "search_texts": fill_search_texts,
    "web_pages": fill_web_pages,
    "send_queues": fill_send_queues,
    "rate_limits": fill_rate_limits,
    "headers": fill_headers,
    "connections": fill_connections,
    "streams": fill_streams,
}


async def grow(names: Sequence[str]) -> float:
    """Fill these caches one after the other; return by how many MiB the process grew."""
    views = ManyMenus()
    views.publish_watermarks(2**41)
    tracker = ChangeTracker(views, 8)
    await tracker.poll()
    menus = MenuCache(views, tracker, stale_if_error_seconds=1)
    await menus.menu("first", "q=a")
    assets.load()
    before = resident_mib()
    async with servers:
        for name in names:
            await FILLS[name](menus, views)
        grown = resident_mib() - before
        for client in clients:
            client.close()
    return grown


if __name__ == "__main__":
    print(uvloop.run(grow(sys.argv[1:])))
