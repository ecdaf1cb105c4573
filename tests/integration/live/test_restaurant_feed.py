"""A restaurant's feed over a real WebSocket, with real views: access, messages, close codes."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession, WSMsgType

from ingress.handlers import restaurant_feed
from ingress.live import send_queue
from schemas import view_keys
from schemas.timestamps import wall_clock
from tests.integration.live.conftest import TOKENS, ViewsHarness, bearer, ingress, server_origin
from tests.support.egress.stories import LIVES
from tests.support.live.boards import PATH, BoardClient, closed, connect, listen

TOKEN = TOKENS.restaurant("r1")
MINE = f"bearer.{TOKEN}"


async def dashboard(session: ClientSession) -> dict[str, Any]:
    async with session.get("/v1/restaurants/r1/dashboard", headers=bearer(TOKEN)) as response:
        assert response.status == 200
        return dict(await response.json())


@pytest.fixture
async def shown(harness: ViewsHarness) -> ViewsHarness:
    """A restaurant with an item, and orders in every state, in complete views."""
    harness.story.put_restaurant()
    harness.story.put_item()
    for life in LIVES:
        harness.story.order(True, life)
    harness.story.order(False)
    await harness.project()
    await harness.publish_watermarks(wall_clock())
    return harness


async def test_feed_sends_snapshot_then_changes(shown: ViewsHarness) -> None:
    """Contract: a snapshot, then changes with a sequence number; the dashboard is the snapshot of the feed."""
    async with ingress(shown) as session, connect(session, MINE) as socket:
        assert socket.protocol == "promo.feed.v1"
        client = BoardClient()
        await listen(socket, client, lambda: client.snapshots)
        expected = await dashboard(session)
        await listen(socket, client, lambda: client.shows(expected))
        assert not expected["degraded"]
        assert expected["name"] == "Bar 1" and expected["sequence"] == client.sequence
        assert {order["status"] for order in expected["orders"]} == {
            "received",
            "preparing",
            "delivered",
            "cancelled",
        }
        assert "o7" not in client.orders, "a failed order is not on the board"
        (row,) = expected["portions"]
        assert (row["sku"], row["held"]) == ("coxinha", 0) and row["sold"] + row["available"] <= 101
        assert sum(expected["stats"]["orders_per_minute"]) == len(LIVES)
        shown.story.order(True, ("preparing",))
        await shown.project()
        await listen(socket, client, lambda: "o8" in client.orders)
        await listen(socket, client, lambda: client.portions["coxinha"]["sold"] == row["sold"] + 2)
        after = await dashboard(session)
        await listen(socket, client, lambda: client.shows(after))
        assert client.snapshots == 1


async def test_portions_of_unpaid_order_are_held(
    shown: ViewsHarness,
) -> None:
    """An order whose payment is pending has no row on the board; its portions count as held."""
    shown.story.order(True)
    pending = [fact for fact in shown.story.facts[-3:-1]]
    async with ingress(shown) as session, connect(session, MINE) as socket:
        client = BoardClient()
        await listen(socket, client, lambda: client.snapshots)
        await shown.project(pending)
        await listen(socket, client, lambda: client.portions["coxinha"]["held"] == 2)
        assert "o8" not in client.orders
        await shown.project()
        await listen(socket, client, lambda: client.portions["coxinha"]["held"] == 0)
        assert client.orders["o8"]["status"] == "received"


async def test_client_resumes_with_missed_changes_only(shown: ViewsHarness) -> None:
    """`after`, in the first message or after the token, at another process; a trimmed feed sends a snapshot."""
    client = BoardClient()
    async with ingress(shown) as session, connect(session, MINE) as socket:
        await listen(socket, client, lambda: client.snapshots)
    shown.story.order(True)
    shown.story.put_item()
    await shown.project()
    async with ingress(shown) as session:
        async with connect(session, MINE) as socket:
            await socket.send_json({"type": "resume", "after": client.sequence})
            expected = await dashboard(session)
            await listen(socket, client, lambda: client.shows(expected))
            assert client.snapshots == 1
        async with connect(session) as socket:
            await socket.send_json({"type": "auth", "token": TOKEN, "after": client.sequence})
            resumed = BoardClient()
            await listen(socket, resumed, lambda: resumed.degraded is not None)
            assert (resumed.snapshots, resumed.sequence) == (0, None), "nothing was missed"
        epoch = client.sequence.rpartition("-")[0]
        for unknown in (
            "views-0.x-3",
            "nonsense",
            "",
            *(f"{epoch}-{n}" for n in ("9" * 15, "\u00b2", "-1", "")),
        ):
            async with connect(session) as socket:
                await socket.send_json({"type": "auth", "token": TOKEN, "after": unknown})
                await listen(socket, reloaded := BoardClient(), lambda: reloaded.snapshots)


async def test_board_is_kept_until_views_are_complete(shown: ViewsHarness) -> None:
    """After FLUSHALL the board keeps its content, degraded, until complete views replace it."""
    async with ingress(shown) as session, connect(session, MINE) as socket:
        client = BoardClient()
        await listen(socket, client, lambda: client.snapshots)
        before = dict(client.orders)
        await shown.flush_all()
        await shown.project(shown.story.facts[:5])
        await listen(socket, client, lambda: client.degraded, seconds=8)
        assert (client.snapshots, client.orders) == (1, before)
        shown.story.order(True)
        await shown.project(shown.story.facts)
        await shown.publish_watermarks(wall_clock())
        await listen(socket, client, lambda: client.snapshots == 2)
        assert client.orders.keys() == {*before, "o8"} and client.degraded is False


@pytest.mark.parametrize(
    ("protocol", "first", "code"),
    [
        (f"bearer.{TOKENS.restaurant('r2')}", None, 4403),
        (f"bearer.{TOKENS.order('r1')}", None, 4403),
        (None, {"type": "auth", "token": TOKENS.restaurant("r2")}, 4403),
        (None, {"type": "auth"}, 4401),
        (None, {"type": "resume", "after": "x"}, 4401),
        (None, None, 4401),
        (MINE, {"type": "auth", "token": TOKEN}, 1008),
    ],
)
async def test_feed_requires_the_restaurants_token(
    shown: ViewsHarness,
    protocol: str | None,
    first: dict[str, Any] | None,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A restaurant sees no rows of another one; the token is never part of the URL."""
    monkeypatch.setattr(restaurant_feed, "AUTH_TIMEOUT_SECONDS", 0.3)
    async with ingress(shown) as session:
        async with connect(session, *([protocol] if protocol else [])) as socket:
            if first is not None:
                await socket.send_json(first)
            message = await socket.receive(5)
            assert message.type == WSMsgType.CLOSE and socket.close_code == code
        async with session.get(f"{PATH}?token={TOKEN}") as response:
            assert response.status == 426


async def test_board_has_no_rows_of_others(shown: ViewsHarness) -> None:
    """Changes of one restaurant reach only its own boards."""
    other = bearer(TOKENS.restaurant("r2"))
    async with ingress(shown) as session:
        async with session.get("/v1/restaurants/r2/dashboard", headers=other) as response:
            assert response.status == 404
        async with session.get("/v1/restaurants/r1/dashboard", headers=other) as response:
            assert response.status == 403
        mine = f"bearer.{TOKENS.restaurant('r2')}"
        async with connect(session, mine, path="/v1/restaurants/r2/feed") as socket:
            client = BoardClient()
            await listen(socket, client, lambda: client.snapshots)
            shown.story.order(True)
            await shown.project()
            with pytest.raises(TimeoutError):
                await listen(socket, client, lambda: client.orders or client.portions, seconds=1.2)


@pytest.mark.parametrize(
    ("origin", "listed", "allowed"),
    [
        ("same", "", True),
        ("https://evil.example", "", False),
        ("null", "", False),
        ("https://shop.example", "https://a.example, https://shop.example/", True),
        ("https://evil.example", "*", True),
    ],
)
async def test_feed_rejects_other_origins(
    shown: ViewsHarness, origin: str, listed: str, allowed: bool
) -> None:
    """A page of another site must not use a browser's credentials; every browser sends an Origin."""
    async with ingress(shown, feed_origins=listed) as session:
        given = await server_origin(session) if origin == "same" else origin
        async with connect(session, MINE, headers={"Origin": given}) as socket:
            if allowed:
                await listen(socket, client := BoardClient(), lambda: client.snapshots)
            else:
                assert await closed(socket) == 4403


@pytest.mark.parametrize(("message", "code"), [("x", 1008), ("{}", 1008), ("y" * 5000, 1009)])
async def test_feed_is_read_only(shown: ViewsHarness, message: str, code: int) -> None:
    """Contract: read-only. A message past the size limit is not even read."""
    async with ingress(shown) as session, connect(session, MINE) as socket:
        await listen(socket, client := BoardClient(), lambda: client.snapshots)
        await socket.send_str(message)
        assert await closed(socket) == code


async def test_feed_limit_and_shutdown_codes(shown: ViewsHarness) -> None:
    """4429 past the limit of a restaurant; 1001 at shutdown, so that clients reconnect at once."""
    async with ClientSession() as outside:
        async with ingress(shown, max_feeds_per_restaurant=1) as session:
            url = await server_origin(session) + PATH
            first = await outside.ws_connect(url, protocols=("promo.feed.v1", MINE))
            await listen(first, client := BoardClient(), lambda: client.snapshots)
            async with connect(session, MINE) as second:
                assert await closed(second) == 4429
            ended = asyncio.ensure_future(closed(first))
        assert await ended == 1001


async def test_slow_client_is_closed_and_resumes(
    shown: ViewsHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4408 when its bounded queue overflows; after a resume it has missed nothing."""
    async with ingress(shown) as session:
        client = BoardClient()
        async with connect(session, MINE) as socket:
            await listen(socket, client, lambda: client.snapshots)
            with monkeypatch.context() as patched:
                patched.setattr(send_queue, "MAX_MESSAGES", 1)
                shown.story.order(True)  # a row and portions: two messages
                await shown.project()
                assert await closed(socket) == 4408
        async with connect(session, MINE) as socket:
            await socket.send_json({"type": "resume", "after": client.sequence})
            expected = await dashboard(session)
            await listen(socket, client, lambda: client.shows(expected))
            assert client.snapshots == 1


async def test_unreadable_board_delays_no_other(shown: ViewsHarness) -> None:
    """Redis may hold anything; unreadable data of one restaurant must not stop the boards of others."""
    async with ingress(shown) as session:
        broken = view_keys.inside((await shown.redis.get(view_keys.CURRENT)).decode(), view_keys.menu("r2"))
        await shown.redis.hset(broken, view_keys.RESTAURANT, "1|no JSON")
        async with (
            connect(session, f"bearer.{TOKENS.restaurant('r2')}", path="/v1/restaurants/r2/feed") as bad,
            connect(session, MINE) as good,
        ):
            client, other = BoardClient(), BoardClient()
            await listen(good, client, lambda: client.snapshots)
            shown.story.order(True)
            await shown.project()
            await listen(good, client, lambda: "o8" in client.orders)
            await listen(bad, other, lambda: other.degraded)
            await shown.redis.delete(broken)
            await listen(bad, other, lambda: other.snapshots)
