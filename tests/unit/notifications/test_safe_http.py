"""The safe HTTP client reaches public addresses only, whatever URL a user supplies."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from compose import ports
from egress.resilience.errors import PermanentError, TransientError
from egress.safe_http import client as clients
from egress.safe_http.addresses import is_public
from egress.safe_http.client import SafeHttpClient
from egress.safe_http.resolver import ForbiddenAddressError, PublicResolver, public_socket
from schemas import endpoint_urls

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
    "https://example..com", "https://.example.com/", "https://example.com../", "https://./", "https://[v1.x]/",
    "https://[example.com]/", f"https://{'a' * 64}.com/", f"https://{'a.' * 126}com/", "https://exam%70le.com/",
    "https://example.com%00/", "https://exam$ple.com/", "https://[2606:4700:4700::1111%251]/",
)  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_non_public_address_is_rejected(address: str) -> None:
    """Loopback, private, link-local, CGNAT, multicast, unspecified, cloud metadata, and IPv6 that embeds one."""
    assert not is_public(address)
    with pytest.raises(ForbiddenAddressError):
        public_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_accepted(address: str) -> None:
    """A check that rejects everything would pass all other tests."""
    assert is_public(address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    public_socket((family, socket.SOCK_STREAM, 6, "", (address, 443))).close()


@given(st.integers(0, 2**32 - 1).map(lambda number: socket.inet_ntoa(number.to_bytes(4))))
def test_ipv4_embedded_in_ipv6_is_rejected(address: str) -> None:
    """Mapped, translated, compatible and 6to4 forms reach the same host."""
    a, b, c, d = (int(part) for part in address.split("."))
    high, low = f"{a:02x}{b:02x}", f"{c:02x}{d:02x}"
    for embedded in (f"::ffff:{address}", f"64:ff9b::{address}", f"::{high}:{low}", f"2002:{high}:{low}::1"):
        assert not is_public(embedded)


@pytest.mark.parametrize("url", URLS)
async def test_forbidden_url_is_rejected_before_name_lookup(url: str) -> None:
    """Scheme, address notation, user, port, fragment: ingress checks them on PUT, egress before each request."""
    assert endpoint_urls.find_fault(url) is not None

    def lookup(*args: Any, **more: Any) -> Any:
        raise AssertionError("the name was looked up")

    async with clients.open_client(False, PublicResolver(lookup)) as client:
        with pytest.raises(PermanentError):
            await client.post(url, b"{}", {})


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://api.example.com.br:8443/hooks?a=1&b=2",
        "https://EXAMPLE.com:443/x",
        "https://a.1e/",
        "https://my_hooks.xn--po-zja.example.com./",
        f"https://{'a' * 63}.com/",
        f"https://{'a.' * 125}com/",
    ],
)
def test_url_of_public_endpoint_is_accepted(url: str) -> None:
    """Ports 443 and 8443, any path and query, upper case."""
    assert endpoint_urls.find_fault(url) is None


@pytest.mark.parametrize(
    "url", ["http://[v1.x]/", "http://a..b/", "http://a%62/", f"http://{'a' * 64}/", "http://[::1%25lo]/"]
)
def test_unreachable_host_is_refused_in_demonstrations_too(url: str) -> None:
    """Where private addresses and names without a domain are accepted."""
    assert endpoint_urls.find_fault(url, allow_private=True) == "web-address"
    for good in ("http://localhost:8000/x", "http://[::1]:8000/", "http://127.0.0.1/"):
        assert endpoint_urls.find_fault(good, allow_private=True) is None


class AttackerDns:
    """A name server under an attacker's control: its answers in order; the last one repeats."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.lookups = 0

    def __call__(self, host: str, port: int, **more: Any) -> list[Any]:
        self.lookups += 1
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            (socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port))
            for a in addresses
        ]


@pytest.fixture
def connected_to(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses of the attempted connections, all of which fail."""
    addresses: list[str] = []

    def record_address(address: tuple[Any, ...]) -> socket.socket:
        public_socket(address).close()
        addresses.append(address[4][0])
        raise ConnectionRefusedError("simulated failure")

    monkeypatch.setattr(clients, "public_socket", record_address)
    return addresses


async def test_dns_rebinding_never_reaches_private_address(connected_to: list[str]) -> None:
    """An attempt connects to the address that was checked, whether that is remembered or looked up again."""
    dns, clock = AttackerDns(["8.8.8.8"], ["127.0.0.1"], ["169.254.169.254"], ["::1"]), itertools.count(0, 60)
    resolver = PublicResolver(dns, clock=lambda: float(next(clock)))
    async with clients.open_client(False, resolver) as client:
        with pytest.raises(TransientError):
            await client.post("https://rebinding.example/", b"{}", {})
        for _ in range(4):
            with pytest.raises(PermanentError):
                await client.post("https://rebinding.example/", b"{}", {})
    assert connected_to == ["8.8.8.8"] and dns.lookups == 5


async def test_only_public_addresses_of_mixed_name_are_tried(connected_to: list[str]) -> None:
    """Otherwise a client that tries the next address would fall back to a private one."""
    async with clients.open_client(
        False, PublicResolver(AttackerDns(["10.0.0.1", "1.1.1.1", "::1", "8.8.8.8"]))
    ) as client:
        with pytest.raises(TransientError):
            await client.post("https://mixed.example/", b"{}", {})
    assert set(connected_to) == {"1.1.1.1", "8.8.8.8"}


async def test_resolver_drops_non_public_addresses() -> None:
    """The first check. Without a public address the request is rejected and not retried."""
    found = await PublicResolver(AttackerDns(["10.0.0.1", "1.1.1.1", "::1"])).resolve("mixed.example", 443)
    assert [(result["host"], result["port"]) for result in found] == [("1.1.1.1", 443)]
    with pytest.raises(ForbiddenAddressError):
        await PublicResolver(AttackerDns(["10.0.0.1", "::1"])).resolve("private.example", 443)


async def test_socket_factory_is_last_check() -> None:
    """No socket is created for a non-public address, whatever the resolver returns."""

    class BrokenResolver(PublicResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
            return [
                ResolveResult(
                    hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=6, flags=0
                )
            ]

    async with clients.open_client(False, BrokenResolver()) as client:
        with pytest.raises((PermanentError, TransientError), match=r"127\.0\.0\.1 is not a public address"):
            await client.post("https://broken.example/", b"{}", {})


async def test_failed_name_lookup_is_transient() -> None:
    """A name server may be down for a while."""

    def lookup(*args: Any, **more: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "simulated failure")

    async with clients.open_client(False, PublicResolver(lookup)) as client:
        with pytest.raises(TransientError, match="simulated failure"):
            await client.post("https://unknown.example/secret-path", b"{}", {})


class ScriptedServer:
    """A real server with a replaceable response."""

    def __init__(self) -> None:
        self.url = ""
        self.respond: Any = lambda request: web.Response(status=200)
        self.paths: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path)
        result = self.respond(request)
        response: web.StreamResponse = await result if asyncio.iscoroutine(result) else result
        return response


@pytest.fixture
async def endpoint() -> AsyncIterator[ScriptedServer]:
    """A server on loopback."""
    served = ScriptedServer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", served.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    port = ports.any_free()
    await web.TCPSite(runner, ports.LOOPBACK, port).start()
    served.url = f"http://{ports.LOOPBACK}:{port}"
    yield served
    await runner.cleanup()


async def test_redirect_is_not_followed(endpoint: ScriptedServer, loopback_client: SafeHttpClient) -> None:
    """A public endpoint could otherwise redirect the client to a private address."""
    endpoint.respond = lambda request: web.Response(
        status=307, headers={"Location": endpoint.url + "/inside"}
    )
    assert (await loopback_client.post(endpoint.url + "/hook", b"{}", {})).status == 307
    assert endpoint.paths == ["/hook"]


async def test_endless_response_is_cut_off(endpoint: ScriptedServer, loopback_client: SafeHttpClient) -> None:
    """It costs neither memory nor time."""
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

    endpoint.respond = endless
    assert (await loopback_client.post(endpoint.url, b"{}", {})).status == 200
    assert written < 50_000_000


async def test_request_without_response_times_out(endpoint: ScriptedServer) -> None:
    """`total_timeout_seconds` bounds every request."""
    finished = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        await finished.wait()
        return web.Response()

    endpoint.respond = hang
    async with clients.open_client(allow_private=True, total_timeout_seconds=0.2) as client:
        with pytest.raises(TransientError, match="TimeoutError"):
            await client.post(endpoint.url, b"{}", {})
    finished.set()


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("-1", 0.0), ("99999999", 3_600.0), ("soon", 0.0), (None, 0.0)]
)
async def test_retry_after_is_bounded(
    endpoint: ScriptedServer, loopback_client: SafeHttpClient, header: str | None, seconds: float
) -> None:
    """At most an hour; an invalid value counts as none."""
    headers = {} if header is None else {"Retry-After": header}
    endpoint.respond = lambda request: web.Response(status=429, headers=headers)
    assert await loopback_client.post(endpoint.url, b"{}", {}) == (429, seconds)


async def test_errors_do_not_quote_url_path(loopback_client: SafeHttpClient) -> None:
    """The path may be a secret, and errors are written to logs and dead letters."""
    for url in (
        f"http://127.0.0.1:{ports.any_free()}/secret",
        "http://[bad/secret",
        "https://user:secret@x.example/",
    ):
        with pytest.raises((TransientError, PermanentError)) as caught:
            await loopback_client.post(url, b"{}", {})
        assert "secret" not in str(caught.value).replace("web-address-secrets", "")


@pytest.mark.parametrize("name", ["a\nb", "a\r\nX-Evil: 1", "a\x00b"])
async def test_invalid_header_value_is_rejected(
    endpoint: ScriptedServer, loopback_client: SafeHttpClient, name: str
) -> None:
    """The id of a malformed fact must neither stop the delivery worker nor inject headers."""
    with pytest.raises(PermanentError):
        await loopback_client.post(endpoint.url, b"{}", {"webhook-id": name})
    assert not endpoint.paths
