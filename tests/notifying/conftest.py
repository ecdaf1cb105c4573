"""Endpoints, a client that may reach them, and a Redis database of these tests' own."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from egress import redis_store
from egress.ssrf import client as clients
from egress.ssrf.client import Client
from tests.notifying.endpoints import Endpoint, endpoint


@pytest.fixture
async def served() -> AsyncIterator[Endpoint]:
    """An endpoint."""
    async with endpoint() as one:
        yield one


@pytest.fixture
async def permissive() -> AsyncIterator[Client]:
    """A client that may go to loopback."""
    async with clients.opened(allow_private=True) as client:
        yield client


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of a database of our own, empty."""
    client = redis_store.connect(redis_url.rpartition("/")[0] + "/9")
    await client.flushdb()
    yield client
    await client.aclose()
