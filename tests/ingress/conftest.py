"""The application over fakes, behind a real HTTP server on loopback."""

from collections.abc import AsyncIterator
from functools import partialmethod
from typing import Any, NamedTuple

import pytest
from aiohttp import ClientSession

from ingress.app import make_app
from ingress.asking import Asking
from ingress.health import Health
from ingress.listening import listening
from ingress.privacy.keyring import Keyring
from schemas.settings import Settings
from tests.ingress.fakes import FakeLog, FakeViews, QuietFeeds
from tests.privacy.keyrings import whole_keyring

HOST = "127.0.0.1"


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
    """Short waits, two undecided at most."""
    return Settings(admin_token="adm", token_secret="secret", order_wait_seconds=0.3, max_undecided=2)


@pytest.fixture
def log() -> FakeLog:
    """A command log that confirms every order."""
    return FakeLog()


@pytest.fixture
def views() -> FakeViews:
    """Empty views."""
    return FakeViews()


@pytest.fixture
def keyring() -> Keyring:
    """A keyring that has forgotten nothing."""
    return whole_keyring()


@pytest.fixture
async def client(
    settings: Settings, log: FakeLog, views: FakeViews, keyring: Keyring
) -> AsyncIterator[Client]:
    """A client of the application."""
    log.asking = Asking(log, reply_partition=3, most=settings.max_undecided)

    async def reachable() -> bool:
        return not log.down

    health = Health({"commands": reachable, "views": views.ping})
    app = make_app(settings, log.asking, views, health, keyring, QuietFeeds())
    async with listening(app, HOST, 0, patience=1) as port, ClientSession(f"http://{HOST}:{port}") as session:
        yield Client(session, HOST, port)
