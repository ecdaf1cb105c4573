"""An endpoint and an HTTP client that may reach it."""

from collections.abc import AsyncIterator

import pytest

from egress.safe_http import client as clients
from egress.safe_http.client import SafeHttpClient
from tests.support.notifications.endpoints import Endpoint, serve_endpoint


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    """A webhook endpoint or push service on loopback."""
    async with serve_endpoint() as server:
        yield server


@pytest.fixture
async def loopback_client() -> AsyncIterator[SafeHttpClient]:
    """A client that may connect to loopback."""
    async with clients.open_client(allow_private=True) as client:
        yield client
