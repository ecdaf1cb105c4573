"""Views grown in a real Redis as egress grows them, and applications that follow them."""

import contextlib
from collections.abc import AsyncIterator, Iterable

import pytest
from aiohttp import ClientSession
from redis.asyncio import Redis

from egress import redis_store
from egress.horizon import Aim
from egress.projection import project
from egress.redis_store import RedisStore
from ingress import redis_views
from ingress.app import make_app
from ingress.asking import Asking
from ingress.health import Health
from ingress.listening import listening
from ingress.live.redis_feeds import RedisFeeds, connect_for_messages
from ingress.redis_views import RedisViews
from ingress.tokens import Tokens
from schemas.facts import Fact
from schemas.settings import Settings
from tests.egress.stories import PARTITION, Story
from tests.ingress.fakes import FakeLog
from tests.privacy.keyrings import whole_keyring

HOST = "127.0.0.1"
TOKENS = Tokens("secret", "adm")
#: Partitions of these views: only the story's is told of.
PARTITIONS = PARTITION + 1


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class World:
    """Egress, with one restaurant's story; and Redis, to be mistreated."""

    def __init__(self, redis: Redis, url: str) -> None:
        self.redis = redis
        self.url = url
        self.story = Story()
        self._store = RedisStore(redis)
        self._told = 0

    async def begin(self) -> None:
        """Begin a story in an empty Redis."""
        await self.redis.flushdb()
        self.story, self._told = Story(), 0
        await self.place()

    async def place(self) -> None:
        """Begin, or begin again where the views were lost."""
        await self._store.positions([])

    async def show(self, facts: Iterable[Fact] | None = None) -> None:
        """Project facts in one batch; None: what the story has told since."""
        if facts is None:
            facts, self._told = self.story.facts[self._told :], len(self.story.facts)
        await self._store.apply([write for fact in facts for write in project(fact, PARTITION)], [])

    async def complete(self, as_of: int) -> None:
        """Say that the views hold all until then."""
        for partition in range(PARTITIONS):
            await self._store.tell(partition, Aim(as_of, {}))

    async def lose(self) -> None:
        """FLUSHALL, noticed by egress, which has not projected anything yet."""
        await self.redis.flushdb()
        await self.place()


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    url = redis_url.rpartition("/")[0] + "/10"
    client = redis_store.connect(url)
    world = World(client, url)
    await world.begin()
    yield world
    await client.aclose()


@contextlib.asynccontextmanager
async def ingress(world: World, **settings: object) -> AsyncIterator[ClientSession]:
    """An ingress process over the world's views."""
    redis, messages = redis_views.connect(world.url), connect_for_messages(world.url)
    views, log = RedisViews(redis), FakeLog()
    chosen = Settings(admin_token="adm", token_secret="secret", partitions=PARTITIONS, **settings)  # type: ignore[arg-type]
    health = Health({"views": views.ping})
    app = make_app(chosen, Asking(log, 0, 2), views, health, whole_keyring(), RedisFeeds(redis, messages))
    async with listening(app, HOST, 0, patience=1) as port, ClientSession(f"http://{HOST}:{port}") as session:
        yield session
    await redis.aclose()
    await messages.aclose()
