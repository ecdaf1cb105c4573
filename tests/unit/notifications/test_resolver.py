"""Lookups of names: one that hangs holds one thread, and what was found is used for a while."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from egress.safe_http import resolver as resolvers
from egress.safe_http.domains import registered_domain
from egress.safe_http.resolver import FAILURE_SECONDS, FRESH_SECONDS, STALE_SECONDS, PublicResolver
from tests.support.waiting import eventually


class NameServer:
    """Answers every name, unless it hangs or is down."""

    def __init__(self) -> None:
        self.lookups: Counter[str] = Counter()
        self.is_down = False
        self.hanging = threading.Event()
        self.hanging.set()
        self.now = 0.0

    def __call__(self, host: str, port: int, **more: Any) -> list[Any]:
        self.lookups[host] += 1
        if not host.startswith("quick"):
            self.hanging.wait(60)
        if self.is_down:
            raise socket.gaierror(socket.EAI_AGAIN, "simulated failure")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port))]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    monkeypatch.setattr(resolvers, "LOOKUP_TIMEOUT_SECONDS", 0.2)
    server = NameServer()
    yield server
    server.hanging.set()


async def test_hanging_name_holds_one_thread_and_no_other_name(server: NameServer) -> None:
    """However often it is asked for; its answer is used when it comes."""
    resolver = PublicResolver(server, clock=lambda: server.now)
    server.hanging.clear()
    for _ in range(5):
        with pytest.raises(TimeoutError):
            await resolver.resolve("hangs.example", 443)
        server.now += FAILURE_SECONDS + 1
    assert server.lookups["hangs.example"] == 1
    assert [found["host"] for found in await resolver.resolve("quick.example", 443)] == ["8.8.8.8"]
    server.hanging.set()

    async def is_found() -> bool:
        try:
            return bool(await resolver.resolve("hangs.example", 443))
        except TimeoutError:
            return False

    await eventually(is_found)
    assert server.lookups["hangs.example"] == 1
    await resolver.close()


async def test_addresses_are_remembered_for_a_while(server: NameServer) -> None:
    """Also when the name server stops answering, and with the port of each request."""
    resolver = PublicResolver(server, clock=lambda: server.now)
    for port in (443, 8443):
        (found,) = await resolver.resolve("a.example", port)
        assert (found["host"], found["port"]) == ("8.8.8.8", port)
    assert server.lookups["a.example"] == 1
    server.now += FRESH_SECONDS
    await resolver.resolve("a.example", 443)
    assert server.lookups["a.example"] == 2
    server.now += FRESH_SECONDS
    server.hanging.clear()
    assert await resolver.resolve("a.example", 443)
    server.is_down = True
    server.hanging.set()
    await eventually(lambda: not resolver._in_flight)
    assert await resolver.resolve("a.example", 443), "the failure is temporary"
    server.is_down = False
    server.hanging.clear()
    server.now += STALE_SECONDS
    with pytest.raises(OSError, match="simulated failure"):
        await resolver.resolve("a.example", 443)
    assert server.lookups["a.example"] == 4
    await resolver.close()


async def test_failed_lookup_is_not_repeated_at_once(server: NameServer) -> None:
    """A name that does not exist must not take a lookup for each message to it."""
    resolver = PublicResolver(server, clock=lambda: server.now)
    server.is_down = True
    for _ in range(3):
        with pytest.raises(OSError, match="simulated failure"):
            await resolver.resolve("a.example", 443)
    assert server.lookups["a.example"] == 1
    server.is_down = False
    server.now += FAILURE_SECONDS
    assert await resolver.resolve("a.example", 443)
    await resolver.close()


async def test_remembered_names_are_bounded(server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name that was looked up first is forgotten first."""
    monkeypatch.setattr(resolvers, "MAX_NAMES", 2)
    resolver = PublicResolver(server, clock=lambda: server.now)
    for name in ("a", "b", "c", "b", "a"):
        await resolver.resolve(f"{name}.example", 443)
    assert server.lookups == {"a.example": 2, "b.example": 1, "c.example": 1}
    await resolver.close()


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("fcm.googleapis.com", "googleapis.com"),
        ("updates.push.services.mozilla.com", "mozilla.com"),
        ("a.b.loja.com.br", "loja.com.br"),
        ("LOJA.com.br.", "loja.com.br"),
        ("com.br", "com.br"),
        ("push.example", "push.example"),
        ("a.push.example", "push.example"),
        ("a.servidor.net.br", "servidor.net.br"),
        ("a.provedor.br", "provedor.br"),
        ("localhost", None),
        ("8.8.8.8", None),
        ("2606:4700::1111", None),
        ("", None),
    ],
)
def test_names_of_one_owner_have_one_domain(host: str, domain: str | None) -> None:
    """An owner of a domain has any number of names in it; an address is its own."""
    assert registered_domain(host) == domain
