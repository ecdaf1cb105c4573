"""Streams while Redis is down, and when it returns empty."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from egress import redis_client
from egress.projections.ports import ViewStoreUnavailable
from ingress.handlers import order_events
from schemas.timestamps import wall_clock
from tests.integration.live.conftest import TOKENS, ViewsHarness, bearer, ingress
from tests.support.live.boards import BoardClient, connect, listen
from tests.support.live.sse import Reader
from tests.support.stack import Redis, start_redis


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Redis]:
    """A Redis of this test, which it kills."""
    server = start_redis(tmp_path / "redis")
    yield server
    server.kill()


async def test_streams_survive_redis_outage(server: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats continue and the board says that it is degraded; then each missed change is sent once."""
    monkeypatch.setattr(order_events, "HEARTBEAT_INTERVAL_SECONDS", 0.2)
    client = redis_client.connect(server.url)
    harness = ViewsHarness(client, server.url)
    await harness.initialize()
    harness.story.put_restaurant()
    harness.story.order(True)
    await harness.project()
    await harness.publish_watermarks(wall_clock())
    mine = bearer(TOKENS.order("o1"))
    token = f"bearer.{TOKENS.restaurant('r1')}"
    async with (
        ingress(harness) as session,
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
        with contextlib.suppress(ViewStoreUnavailable):  # over a connection to the server that was killed
            await harness.initialize()
        await harness.initialize()
        harness.story.advance(harness.story.orders["o1"], "preparing")
        await harness.project(harness.story.facts)
        await harness.publish_watermarks(wall_clock())
        assert (await events.next(10)).id == "3"
        await listen(socket, board, lambda: board.snapshots == 2, seconds=10)
        assert board.orders["o1"]["status"] == "preparing"
    await client.aclose()
