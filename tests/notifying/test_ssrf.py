"""Webhooks and pushes go to the public internet and nowhere else, whatever address somebody gives us."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from compose import ports
from egress.notifying.channel import FailedError, RefusedError
from egress.ssrf import client as clients
from egress.ssrf.addresses import is_public
from egress.ssrf.client import Client
from egress.ssrf.resolver import ForbiddenAddressError, PublicResolver, public_socket
from schemas import web_addresses

PUBLIC = (
    "8.8.8.8",
    "1.1.1.1",
    "200.160.2.3",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "2a00:1450::1",
)

PRIVATE = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255",
    "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.0.1", "169.254.169.254", "169.254.170.2",
    "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1",
    "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:7f00:1", "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:db8::1", "2001:10::1", "2002:7f00:1::", "2002:a00:1::1",
    "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    "2606:4700::1%1", "localhost", "", "127.1", "2130706433", "0x7f.1", "0177.0.0.1",
)  # fmt: skip

URLS = (
    "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com:6379/_x", "//example.com",
    "example.com", "https://", "https:///x", "https://127.0.0.1/", "https://127.1/", "https://2130706433/",
    "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://017700000001/", "https://0/",
    "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/", "https://[fe80::1%25eth0]/", "https://[fd00:ec2::254]/latest/", "https://[::]/",
    "https://169.254.169.254/latest/meta-data/", "https://8.8.8.8/", "https://localhost/", "https://localhost./",
    "https://metadata/", "https://127.0.0.1./", "https://user@example.com/", "https://user:secret@example.com/",
    "https://example.com@127.0.0.1/", "https://example.com:secret@127.0.0.1/", "https://127.0.0.1\\@example.com/",
    "https://example.com:22/", "https://example.com:6379/", "https://example.com:80/", "https://example.com:0/",
    "https://example.com:99999/", "https://example.com:x/", "https://example.com/#@127.0.0.1",
    "https://exa mple.com/", "https://example.com/\r\nHost: x", "https://１２７.0.0.1/", "https://ⓛocalhost.x/",
    "https://example.com\x00.evil.com/", "https://[::1", "https://1.2.3.0x4/",
)  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    """Loopback, private, link-local, CGNAT, multicast, unspecified, metadata, and IPv6 that embeds any of them."""
    assert not is_public(address)
    with pytest.raises(ForbiddenAddressError):
        public_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_public_internet_is_not_refused(address: str) -> None:
    """A guard that refuses everything would pass all other tests."""
    assert is_public(address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    public_socket((family, socket.SOCK_STREAM, 6, "", (address, 443))).close()


@given(st.integers(0, 2**32 - 1).map(lambda number: socket.inet_ntoa(number.to_bytes(4))))
def test_no_ipv4_address_gets_by_in_the_clothes_of_ipv6(address: str) -> None:
    """Mapped, translated, compatible, 6to4: they lead to the same host."""
    a, b, c, d = (int(part) for part in address.split("."))
    high, low = f"{a:02x}{b:02x}", f"{c:02x}{d:02x}"
    for dressed in (f"::ffff:{address}", f"64:ff9b::{address}", f"::{high}:{low}", f"2002:{high}:{low}::1"):
        assert not is_public(dressed)


@pytest.mark.parametrize("url", URLS)
async def test_a_url_that_leads_elsewhere_is_refused_before_anything_is_looked_up(url: str) -> None:
    """Scheme, notation of addresses, user, port, fragment; by ingress when it is put, by egress when it is used."""
    assert web_addresses.fault(url) is not None

    def lookup(*args: Any, **more: Any) -> Any:
        raise AssertionError("looked up")

    async with clients.opened(False, PublicResolver(lookup)) as client:
        with pytest.raises(RefusedError):
            await client.post(url, b"{}", {})


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://api.example.com.br:8443/hooks?a=1&b=2",
        "https://EXAMPLE.com:443/x",
        "https://a.1e/",
    ],
)
def test_the_url_of_a_public_endpoint_is_not_refused(url: str) -> None:
    """What people have."""
    assert web_addresses.fault(url) is None


class Names:
    """A name server of the attacker's: what it answers, in turn; the last for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int, **more: Any) -> list[Any]:
        self.asked += 1
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            (socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port))
            for a in addresses
        ]


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where connections are tried: noted, and never made."""
    tried: list[str] = []

    def note(address: tuple[Any, ...]) -> socket.socket:
        public_socket(address).close()
        tried.append(address[4][0])
        raise ConnectionRefusedError("told to fail")

    monkeypatch.setattr(clients, "public_socket", note)
    return tried


async def test_a_name_that_is_public_first_and_private_after_never_reaches_what_is_ours(
    connected: list[str],
) -> None:
    """Rebinding: each attempt asks anew, and connects to what was checked, not to what the name says next."""
    names = Names(["8.8.8.8"], ["127.0.0.1"], ["169.254.169.254"], ["::1"])
    async with clients.opened(False, PublicResolver(names)) as client:
        with pytest.raises(FailedError):
            await client.post("https://rebinding.example/", b"{}", {})
        for _ in range(4):
            with pytest.raises(RefusedError):
                await client.post("https://rebinding.example/", b"{}", {})
    assert connected == ["8.8.8.8"] and names.asked == 5, "one look for each attempt, none kept"


async def test_of_a_name_with_public_and_private_addresses_only_the_public_ones_are_tried(
    connected: list[str],
) -> None:
    """A client that tries the next address would else fall back to a private one."""
    async with clients.opened(
        False, PublicResolver(Names(["10.0.0.1", "1.1.1.1", "::1", "8.8.8.8"]))
    ) as client:
        with pytest.raises(FailedError):
            await client.post("https://mixed.example/", b"{}", {})
    assert set(connected) == {"1.1.1.1", "8.8.8.8"}


async def test_a_name_is_only_told_its_public_addresses() -> None:
    """The first net; where nothing is left in it, the delivery is refused and not tried again."""
    found = await PublicResolver(Names(["10.0.0.1", "1.1.1.1", "::1"])).resolve("mixed.example", 443)
    assert [(held["host"], held["port"]) for held in found] == [("1.1.1.1", 443)]
    with pytest.raises(ForbiddenAddressError):
        await PublicResolver(Names(["10.0.0.1", "::1"])).resolve("private.example", 443)


async def test_the_last_net_is_the_socket_itself() -> None:
    """Whatever a resolver lets through, no socket is made for an address that is not public."""

    class Lax(PublicResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
            return [
                ResolveResult(
                    hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=6, flags=0
                )
            ]

    async with clients.opened(False, Lax()) as client:
        with pytest.raises((RefusedError, FailedError), match=r"127\.0\.0\.1 is no public address"):
            await client.post("https://lax.example/", b"{}", {})


async def test_a_name_that_nobody_knows_is_a_failure_that_is_tried_again() -> None:
    """Name servers have bad days."""

    def lookup(*args: Any, **more: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "told to fail")

    async with clients.opened(False, PublicResolver(lookup)) as client:
        with pytest.raises(FailedError, match="told to fail"):
            await client.post("https://unknown.example/secret-path", b"{}", {})


class Endpoint:
    """A real server, told how to answer."""

    def __init__(self) -> None:
        self.url = ""
        self.answer: Any = lambda request: web.Response(status=200)
        self.asked: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        answered = self.answer(request)
        response: web.StreamResponse = await answered if asyncio.iscoroutine(answered) else answered
        return response


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    """An endpoint on loopback."""
    served = Endpoint()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", served.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    port = ports.any_free()
    await web.TCPSite(runner, ports.LOOPBACK, port).start()
    served.url = f"http://{ports.LOOPBACK}:{port}"
    yield served
    await runner.cleanup()


async def test_a_redirect_is_an_answer_and_is_not_followed(endpoint: Endpoint, permissive: Client) -> None:
    """Else a public endpoint could send us inside."""
    endpoint.answer = lambda request: web.Response(status=307, headers={"Location": endpoint.url + "/inside"})
    assert (await permissive.post(endpoint.url + "/hook", b"{}", {})).status == 307
    assert endpoint.asked == ["/hook"]


async def test_no_more_of_an_answer_is_read_than_is_looked_at(endpoint: Endpoint, permissive: Client) -> None:
    """An endless answer costs neither memory nor time."""
    written = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65_536)
                written += 65_536
        except ConnectionError:
            return response

    endpoint.answer = endless
    assert (await permissive.post(endpoint.url, b"{}", {})).status == 200
    assert written < 50_000_000


async def test_an_endpoint_that_does_not_answer_is_given_up(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt has an end."""
    over = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    endpoint.answer = hang
    monkeypatch.setattr(clients, "TOTAL_SECONDS", 0.2)
    async with clients.opened(allow_private=True) as client:
        with pytest.raises(FailedError, match="TimeoutError"):
            await client.post(endpoint.url, b"{}", {})
    over.set()


@pytest.mark.parametrize(
    ("sent", "seconds"), [("7", 7.0), ("-1", 0.0), ("99999999", 3_600.0), ("soon", 0.0), (None, 0.0)]
)
async def test_retry_after_is_heard_within_reason(
    endpoint: Endpoint, permissive: Client, sent: str | None, seconds: float
) -> None:
    """Seconds, a date, or nonsense; no more than an hour."""
    headers = {} if sent is None else {"Retry-After": sent}
    endpoint.answer = lambda request: web.Response(status=429, headers=headers)
    assert await permissive.post(endpoint.url, b"{}", {}) == (429, seconds)


async def test_errors_do_not_quote_the_path_which_may_be_a_secret(permissive: Client) -> None:
    """They end up in logs and dead letters."""
    for url in (
        f"http://127.0.0.1:{ports.any_free()}/secret",
        "http://[bad/secret",
        "https://user:secret@x.example/",
    ):
        with pytest.raises((FailedError, RefusedError)) as caught:
            await permissive.post(url, b"{}", {})
        assert "secret" not in str(caught.value).replace("web-address-secrets", "")


@pytest.mark.parametrize("name", ["a\nb", "a\r\nX-Evil: 1", "a\x00b"])
async def test_what_cannot_be_a_header_is_refused(endpoint: Endpoint, permissive: Client, name: str) -> None:
    """The id of a poisoned fact must neither stop the courier nor make headers of its own."""
    with pytest.raises(RefusedError):
        await permissive.post(endpoint.url, b"{}", {"webhook-id": name})
    assert not endpoint.asked
