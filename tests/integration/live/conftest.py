"""Views in a real Redis, written by egress, and ingress applications over them."""

import contextlib
from collections.abc import AsyncIterator, Iterable

import pytest
from aiohttp import ClientSession
from redis.asyncio import Redis

from egress import redis_client
from egress.projections.projection import project
from egress.projections.redis_store import RedisViewStore
from egress.projections.watermarks import PendingWatermark
from ingress.app import connection_factory, make_app
from ingress.commands.client import CommandClient
from ingress.customers.partner_tokens import PartnerTokens
from ingress.customers.verifications import Verifications
from ingress.handlers.health import Health
from ingress.http.issued_tokens import IssuedTokens
from ingress.http.tokens import Tokens
from ingress.live.redis_feeds import RedisFeeds, connect_for_messages
from ingress.server.connection_limits import limited_connections
from ingress.server.listener import listen
from ingress.views import redis_views
from ingress.views.redis_answers import RedisAnswers
from ingress.views.redis_views import RedisViews
from schemas.facts import Fact
from schemas.settings import Settings
from tests.support.egress.stories import PARTITION, Story
from tests.support.ingress.fakes import FakeProducer
from tests.support.ingress.phones import FakeCodes, FakeMessenger
from tests.support.privacy.keyrings import complete_keyring

HOST = "127.0.0.1"
TOKENS = Tokens("secret", "adm")
#: Partitions of these views; the story uses the last one.
PARTITIONS = PARTITION + 1


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class ViewsHarness:
    """Egress with one restaurant's story, and a Redis that tests may damage."""

    def __init__(self, redis: Redis, url: str) -> None:
        self.redis = redis
        self.url = url
        self.story = Story()
        self._store = RedisViewStore(redis)
        self.projected = 0  # facts of the story

    async def reset(self) -> None:
        """Begin a story in an empty Redis."""
        await self.redis.flushdb()
        self.story, self.projected = Story(), 0
        await self.initialize()
        await self.publish_watermarks(1)

    async def initialize(self) -> None:
        """Begin a generation if there is none, as egress does when it starts or has noticed lost views."""
        await self._store.positions([])

    async def project(self, facts: Iterable[Fact] | None = None) -> None:
        """Project facts in one batch; None: those of the story that were not projected yet."""
        if facts is None:
            facts, self.projected = self.story.facts[self.projected :], len(self.story.facts)
        await self._store.apply([write for fact in facts for write in project(fact, PARTITION)], [])

    async def publish_watermarks(self, as_of: int) -> None:
        """Record that the views are complete up to an instant, in milliseconds since 1970."""
        for partition in range(PARTITIONS):
            await self._store.publish_watermark(partition, PendingWatermark(as_of, {}))

    async def flush_all(self) -> None:
        """FLUSHALL, which egress has noticed and not repaired yet."""
        await self.redis.flushdb()
        await self.initialize()


@pytest.fixture
async def harness(redis_url: str) -> AsyncIterator[ViewsHarness]:
    url = redis_url.rpartition("/")[0] + "/10"
    client = redis_client.connect(url)
    harness = ViewsHarness(client, url)
    await harness.reset()
    yield harness
    await client.aclose()


async def server_origin(session: ClientSession) -> str:
    """Return the origin of the server that `ingress` yields a client of."""
    async with session.get("/health/live") as response:
        return str(response.url.origin())


@contextlib.asynccontextmanager
async def ingress(harness: ViewsHarness, **settings: object) -> AsyncIterator[ClientSession]:
    """Serve an ingress application over the harness's views; yield a client."""
    redis, messages = redis_views.connect(harness.url), connect_for_messages(harness.url)
    views, log = RedisViews(redis), FakeProducer()
    log.decide = lambda command: None
    chosen = Settings(admin_token="adm", token_secret="secret", partitions=PARTITIONS, **settings)  # type: ignore[arg-type]
    health = Health({"views": views.ping})
    app = make_app(
        chosen,
        CommandClient(log, 0, 2),
        views,
        RedisAnswers(redis),
        health,
        complete_keyring(),
        RedisFeeds(redis, messages),
        IssuedTokens(),
        Verifications(chosen, FakeCodes(), FakeMessenger(), lambda phone: f"c_{phone}"),
        PartnerTokens([], {}),
    )
    async with (
        listen(app, connection_factory(app), HOST, 0, 1.0, limited_connections(chosen)) as port,
        ClientSession(f"http://{HOST}:{port}") as session,
    ):
        yield session
    await redis.aclose()
    await messages.aclose()
