"""The application over fakes, behind a real HTTP server on loopback."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer

from ingress.app import make_app
from ingress.asking import Asking
from ingress.health import Health
from ingress.hot_path import shorten
from schemas.settings import Settings
from tests.ingress.fakes import FakeLog, FakeViews

Client = TestClient  # type: ignore[type-arg]


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
async def client(settings: Settings, log: FakeLog, views: FakeViews) -> AsyncIterator[Client]:
    """A client of the application."""
    log.asking = Asking(log, reply_partition=3, most=settings.max_undecided)

    async def reachable() -> bool:
        return not log.down

    app = make_app(settings, log.asking, views, Health({"commands": reachable, "views": views.ping}))
    server = TestServer(app)
    await server.start_server()
    assert server.runner is not None and server.runner.server is not None
    shorten(app, server.runner.server)
    async with TestClient(server) as client:
        yield client
