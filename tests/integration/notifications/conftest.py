"""A Redis database for these tests."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from egress import redis_client


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of an empty database."""
    client = redis_client.connect(redis_url.rpartition("/")[0] + "/9")
    await client.flushdb()
    yield client
    await client.aclose()
