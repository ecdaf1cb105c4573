"""Streams while Redis is away, and when it comes back with nothing."""

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from egress import redis_store
from egress.view_store import ViewsUnreachable
from ingress.live import order_events
from tests.live.boards import BoardClient, connect, listen
from tests.live.conftest import TOKENS, World, bearer, ingress
from tests.live.sse import Reader
from tests.stack import Redis, start_redis


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Redis]:
    """A Redis of our own, to be killed."""
    server = start_redis(tmp_path / "redis")
    yield server
    server.kill()


async def test_streams_stay_open_while_redis_is_away_and_catch_up(
    server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Honest: heartbeats go on, the board says that it is old; then what was missed comes, once."""
    monkeypatch.setattr(order_events, "HEARTBEAT_SECONDS", 0.2)
    client = redis_store.connect(server.url)
    world = World(client, server.url)
    await world.place()
    world.story.put_restaurant()
    world.story.order(True)
    await world.show()
    await world.complete(time.time_ns() // 1_000_000)
    mine = bearer(TOKENS.order("o1"))
    token = f"bearer.{TOKENS.restaurant('r1')}"
    async with (
        ingress(world) as session,
        session.get("/v1/orders/o1/events", headers=mine) as response,
        connect(session, token) as socket,
    ):
        board, events = BoardClient(), Reader(response)
        await listen(socket, board, lambda: board.snapshots)
        assert [(await events.next()).id for _ in range(2)] == ["1", "2"]
        server.kill()
        await response.content.readuntil(b": \n\n")
        await listen(socket, board, lambda: board.degraded, seconds=10)
        async with session.get("/v1/orders/o1/events", headers=mine) as refused:
            assert refused.status == 503 and refused.headers["Retry-After"]
        server.start()
        with contextlib.suppress(ViewsUnreachable):  # by a connection to the one that was killed
            await world.place()
        await world.place()
        world.story._live_on(world.story.orders["o1"], "preparing")
        await world.show(world.story.facts)
        await world.complete(time.time_ns() // 1_000_000)
        assert (await events.next(10)).id == "3"
        await listen(socket, board, lambda: board.snapshots == 2, seconds=10)
        assert board.orders["o1"]["status"] == "preparing"
    await client.aclose()
