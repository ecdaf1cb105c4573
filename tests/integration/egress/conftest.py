"""Stores of views: the one in memory, and the one in a real Redis; a broker with our topics."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import pytest
from redis.asyncio import Redis

from compose.kafka import topics
from egress import redis_client
from egress.projections import generations
from egress.projections.ports import ViewStore
from egress.projections.redis_store import RedisViewStore
from schemas import view_keys
from schemas.kafka_connection import KafkaConnection
from schemas.settings import Settings
from tests.support.egress.dict_store import DictStore, Hashes


class StoreCase(NamedTuple):
    """A store, and a function that returns all that it keeps."""

    store: ViewStore
    hashes: Callable[[], Awaitable[Hashes]]


class RedisCase(NamedTuple):
    """The store in Redis, and the client that looks behind it."""

    store: RedisViewStore
    redis: Redis

    async def key(self, name: str) -> str:
        """Return the full name of a key of the current generation."""
        return view_keys.inside(await generations.current(self.redis), name)

    async def hashes(self) -> Hashes:
        """Return every hash of the current generation."""
        return await read_all(self.redis)


@pytest.fixture
async def connection(kafka: str) -> KafkaConnection:
    """A broker with our topics."""
    settings = Settings(kafka_bootstrap_servers=kafka)
    await topics.create(settings)
    return settings.kafka


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of a database of our own, empty."""
    client = redis_client.connect(redis_url.rpartition("/")[0] + "/8")
    await client.flushdb()
    yield client
    await client.aclose()


async def read_all(redis: Redis) -> Hashes:
    """Return every hash of the current generation."""
    prefix = view_keys.inside(await generations.current(redis), "")
    return {
        key.decode().removeprefix(prefix): {
            field.decode(): value for field, value in (await redis.hgetall(key)).items()
        }
        for key in await redis.keys(f"{prefix}*")
        if await redis.type(key) == b"hash"
    }


@pytest.fixture
async def redis_case(redis: Redis) -> RedisCase:
    """The store in Redis, its generation looked up."""
    store = RedisViewStore(redis)
    await store.positions([])
    return RedisCase(store, redis)


@pytest.fixture(params=["memory", "redis"])
async def case(request: pytest.FixtureRequest, redis_case: RedisCase) -> StoreCase:
    """Each store in turn."""
    if request.param == "redis":
        return StoreCase(redis_case.store, redis_case.hashes)
    memory = DictStore()

    async def hashes() -> Hashes:
        return memory.hashes

    return StoreCase(memory, hashes)
