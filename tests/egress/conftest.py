"""Stores of views: the one in memory, and the one in a real Redis."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import pytest
from redis.asyncio import Redis

from compose.kafka import topics
from egress import generations, redis_store
from egress.redis_store import RedisStore
from egress.view_store import ViewStore
from schemas import views
from schemas.settings import Settings
from tests.egress.dict_store import DictStore, Hashes


class Kept(NamedTuple):
    """A store, and a look at all that it keeps."""

    store: ViewStore
    hashes: Callable[[], Awaitable[Hashes]]
    redis: Redis | None = None


@pytest.fixture
async def broker(kafka: str) -> str:
    """A broker with our topics."""
    await topics.create(Settings(), kafka)
    return kafka


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of a database of our own, empty."""
    client = redis_store.connect(redis_url.rpartition("/")[0] + "/8")
    await client.flushdb()
    yield client
    await client.aclose()


async def read_all(redis: Redis) -> Hashes:
    """Return every hash of the current generation."""
    prefix = views.inside(await generations.current(redis), "")
    return {
        key.decode().removeprefix(prefix): {
            field.decode(): value for field, value in (await redis.hgetall(key)).items()
        }
        for key in await redis.keys(f"{prefix}*")
        if await redis.type(key) == b"hash"
    }


@pytest.fixture(params=["memory", "redis"])
async def kept(request: pytest.FixtureRequest, redis: Redis) -> Kept:
    """Each store in turn, asked for positions as a projector begins."""
    if request.param == "memory":
        memory = DictStore()

        async def hashes() -> Hashes:
            return memory.hashes

        return Kept(memory, hashes)
    store = RedisStore(redis)
    await store.positions([])
    return Kept(store, lambda: read_all(redis), redis)
