"""A client of the application over fakes, behind a real HTTP server on loopback."""

from collections.abc import AsyncIterator
from functools import partialmethod
from typing import Any, NamedTuple

import msgspec
import pytest
from aiohttp import ClientSession

from ingress.customers.partner_tokens import PartnerTokens
from ingress.http.issued_tokens import IssuedTokens
from ingress.privacy.keyring import Keyring
from schemas.settings import Settings
from tests.support.ingress.apps import HOST, application, serving
from tests.support.ingress.fakes import FakeProducer, FakeViews
from tests.support.privacy.keyrings import complete_keyring


class Client(NamedTuple):
    """A client of the application, by paths."""

    session: ClientSession
    host: str
    port: int

    def request(self, method: str, path: str, **more: Any) -> Any:
        """Return the request, to be awaited, or entered, for its response."""
        return self.session.request(method, path, **more)

    get = partialmethod(request, "GET")
    head = partialmethod(request, "HEAD")
    post = partialmethod(request, "POST")
    put = partialmethod(request, "PUT")
    delete = partialmethod(request, "DELETE")


@pytest.fixture
def settings() -> Settings:
    """Short waits, and at most two commands in flight."""
    return Settings(
        admin_token="adm",
        token_secret="secret",
        webhook_secret="webhooks",
        order_reply_timeout_seconds=0.3,
        max_in_flight_commands=2,
    )


@pytest.fixture
def fast_path() -> bool:
    """With the fast path; a module that runs both ways overrides this by `both_ways`."""
    return True


@pytest.fixture(params=[True, False], ids=["fast-path", "aiohttp"])
def both_ways(request: pytest.FixtureRequest) -> bool:
    """With the fast path, then without."""
    return bool(request.param)


@pytest.fixture
def log() -> FakeProducer:
    """A command log that confirms every order."""
    return FakeProducer()


@pytest.fixture
def views() -> FakeViews:
    """Empty views."""
    return FakeViews()


@pytest.fixture
def keyring() -> Keyring:
    """A keyring that has forgotten nothing."""
    return complete_keyring()


@pytest.fixture
def issued() -> IssuedTokens:
    """No token was issued or revoked."""
    return IssuedTokens()


@pytest.fixture
def partner_tokens() -> PartnerTokens:
    """No partner is configured."""
    return PartnerTokens([], {})


@pytest.fixture
async def client(
    settings: Settings,
    fast_path: bool,
    log: FakeProducer,
    views: FakeViews,
    keyring: Keyring,
    issued: IssuedTokens,
    partner_tokens: PartnerTokens,
) -> AsyncIterator[Client]:
    """A client of the application."""
    settings = msgspec.structs.replace(settings, fast_path=fast_path)
    app = application(settings, log, views, keyring, issued=issued, partner_tokens=partner_tokens)
    async with serving(app) as port, ClientSession(f"http://{HOST}:{port}") as session:
        yield Client(session, HOST, port)
