"""How much one address may have open: connections and streams of a process, with and without a gateway in front."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import ClientSession

from ingress.handlers import restaurant_feed
from ingress.http.client_addresses import AddressLimit, customer_network
from ingress.http.problems import Problem
from ingress.http.tokens import Tokens
from schemas.settings import Settings
from tests.support.ingress.apps import HOST, application, serving
from tests.support.waiting import eventually

#: Addresses of this machine that are no proxies and have no exemption.
CUSTOMER, NEIGHBOUR, GATEWAY = "127.0.0.2", "127.0.0.3", "127.0.0.9"
SETTINGS = Settings(
    admin_token="adm",
    token_secret="secret",
    trusted_proxies=f"{GATEWAY}/32",
    rate_limit_exempt_networks="127.0.0.1/32",
    max_connections_per_address=4,
    max_streams_per_address=3,
)
TOKENS = Tokens("secret", "adm")
LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


def test_defaults_admit_customers_behind_one_address() -> None:
    """A carrier has a thousand customers behind one IPv4 address, each with a connection and an open order stream."""
    defaults = Settings()
    assert defaults.max_connections_per_address >= 2 * defaults.max_streams_per_address >= 2_000
    assert defaults.max_connections_per_address < defaults.max_connections / 2, "others have room too"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with serving(application(SETTINGS)) as port:
        yield port


def connect_from(address: str) -> ClientSession:
    """Return a client with this address, whose every request has a connection of its own."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0), limit=0, force_close=True)
    return ClientSession(connector=connector)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("unknown", "unknown"),
        ("x" * 9_000, "x" * 45),
    ],
)
def test_customer_has_one_name(address: str, name: str) -> None:
    """An IPv6 customer has 2**64 addresses, and a header may hold anything."""
    assert customer_network(address) == name


def test_gateway_names_the_customers() -> None:
    """Each customer behind it has a limit of its own; what a customer writes into the header counts for nothing."""
    limit = AddressLimit(SETTINGS, 2)
    with contextlib.ExitStack() as opened:
        for _ in range(2):
            opened.enter_context(limit.hold(GATEWAY, ["203.0.113.7"]))
        with pytest.raises(Problem, match="too-many-requests"):
            opened.enter_context(limit.hold(GATEWAY, ["198.51.100.1", "203.0.113.7"]))
        opened.enter_context(limit.hold(GATEWAY, ["203.0.113.8"]))
        for n in range(2):
            opened.enter_context(limit.hold(CUSTOMER, [f"198.51.100.{n}"]))
        with pytest.raises(Problem):
            opened.enter_context(limit.hold(CUSTOMER, ["198.51.100.3"]))
    assert all(limit.acquire_connection(GATEWAY) is None for _ in range(9))


async def test_address_cannot_take_all_connections(port: int) -> None:
    """429 with Retry-After past its own limit; another address is answered, and a closed connection makes room."""

    async def connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(HOST, port, local_addr=(address, 0))

    async def is_answered(address: str) -> bool:
        reader, writer = await connect(address)
        with contextlib.suppress(ConnectionError):
            writer.write(LIVE)
        answer = await asyncio.wait_for(reader.read(2_000), 5)
        writer.close()
        rejected = answer.startswith(b"HTTP/1.1 429 ") and b"Retry-After" in answer
        assert answer.startswith(b"HTTP/1.1 200") or (rejected and b"/problems/too-many-requests" in answer)
        return not rejected

    held = [await connect(CUSTOMER) for _ in range(4)]
    for reader, writer in held:  # they are accepted by then
        writer.write(LIVE)
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert not await is_answered(CUSTOMER)
    assert await is_answered(NEIGHBOUR) and await is_answered("127.0.0.1") and await is_answered(GATEWAY)
    held[0][1].close()
    await eventually(lambda: is_answered(CUSTOMER))
    for _, writer in held:
        writer.close()


async def test_customers_streams_leave_a_board_its_places() -> None:
    """An address that has all its streams open, and one that behaves, and a board of the first address."""
    settings = Settings(
        token_secret="secret",
        trusted_proxies="",
        rate_limit_exempt_networks="",
        max_streams=4,
        max_feeds=2,
        max_streams_per_address=3,
    )
    orders = [f"o_{n}" for n in range(9)]
    async with (
        serving(application(settings)) as port,
        connect_from(CUSTOMER) as customer,
        connect_from(NEIGHBOUR) as neighbour,
        contextlib.AsyncExitStack() as opened,
    ):
        origin = f"http://{HOST}:{port}"

        async def follow(session: ClientSession, order: str) -> aiohttp.ClientResponse:
            headers = {"Authorization": f"Bearer {TOKENS.order(order)}"}
            response = await session.get(f"{origin}/v1/orders/{order}/events", headers=headers)
            return await opened.enter_async_context(response)

        assert [(await follow(customer, order)).status for order in orders[:3]] == [200] * 3
        rejected = await follow(customer, orders[3])
        assert rejected.status == 429 and int(rejected.headers["Retry-After"]) >= 1
        assert rejected.content_type == "application/problem+json"
        assert (await follow(neighbour, orders[4])).status == 200, "an address has its own limit"
        assert (await follow(neighbour, orders[5])).status == 429, "the process has no more order streams"
        feed = f"{origin}/v1/restaurants/r1/feed"
        protocols = ("promo.feed.v1", f"bearer.{TOKENS.restaurant('r1')}")
        for _ in range(2):
            await opened.enter_async_context(customer.ws_connect(feed, protocols=protocols))
        async with customer.ws_connect(feed, protocols=protocols) as third:
            assert (await third.receive(5)).data == restaurant_feed.TOO_MANY


async def test_silent_handshakes_count_for_their_address(port: int) -> None:
    """Feeds without a token hold as many places of their address as it has, and none of another's."""
    feed = f"http://{HOST}:{port}/v1/restaurants/r1/feed"
    async with connect_from(CUSTOMER) as customer, connect_from(NEIGHBOUR) as neighbour:
        silent = [await customer.ws_connect(feed, protocols=("promo.feed.v1",)) for _ in range(3)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as rejected:
            await customer.ws_connect(feed, protocols=("promo.feed.v1",))
        assert rejected.value.status == 429
        async with neighbour.ws_connect(feed, protocols=("promo.feed.v1",)) as socket:
            assert not socket.closed
        for one in silent:
            await one.close()
