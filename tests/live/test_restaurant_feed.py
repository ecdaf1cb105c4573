"""A restaurant's feed over a real WebSocket, with real views: who may see it, what comes, how it ends."""

import asyncio
import time
from typing import Any

import pytest
from aiohttp import ClientSession, WSMsgType

from ingress.live import outbox, restaurant_feed
from schemas import views
from tests.egress.stories import LIVES
from tests.live.boards import PATH, BoardClient, closed, connect, listen
from tests.live.conftest import TOKENS, World, bearer, ingress

TOKEN = TOKENS.restaurant("r1")
MINE = f"bearer.{TOKEN}"


async def dashboard(session: ClientSession) -> dict[str, Any]:
    async with session.get("/v1/restaurants/r1/dashboard", headers=bearer(TOKEN)) as response:
        assert response.status == 200
        return dict(await response.json())


@pytest.fixture
async def shown(world: World) -> World:
    """A restaurant with an item, and orders in every state, in complete views."""
    world.story.put_restaurant()
    world.story.put_item()
    for life in LIVES:
        world.story.order(True, life)
    world.story.order(False)
    await world.show()
    await world.complete(time.time_ns() // 1_000_000)
    return world


async def test_a_board_begins_with_a_snapshot_and_goes_on_with_changes(shown: World) -> None:
    """Contract: a snapshot, then changes with a sequence number; the dashboard is the snapshot of the feed."""
    async with ingress(shown) as session, connect(session, MINE) as socket:
        assert socket.protocol == "promo.feed.v1"
        client = BoardClient()
        await listen(socket, client, lambda: client.snapshots)
        now = await dashboard(session)
        await listen(socket, client, lambda: client.shows(now))
        assert not now["degraded"]
        assert now["name"] == "Bar 1" and now["sequence"] == client.sequence
        assert {order["status"] for order in now["orders"]} == {
            "received",
            "preparing",
            "delivered",
            "cancelled",
        }
        assert "o7" not in client.orders, "what was refused is not on the board"
        (row,) = now["portions"]
        assert (row["sku"], row["held"]) == ("coxinha", 0) and row["sold"] + row["available"] <= 101
        assert sum(now["stats"]["orders_per_minute"]) == len(LIVES)
        shown.story.order(True, ("preparing",))
        await shown.show()
        await listen(socket, client, lambda: "o8" in client.orders)
        await listen(socket, client, lambda: client.portions["coxinha"]["sold"] == row["sold"] + 2)
        after = await dashboard(session)
        await listen(socket, client, lambda: client.shows(after))
        assert client.snapshots == 1


async def test_portions_of_an_order_that_is_being_paid_are_held_and_it_is_not_on_the_board(
    shown: World,
) -> None:
    """The kitchen sees what is its to make; the portions say why there are fewer."""
    shown.story.order(True)
    pending = [fact for fact in shown.story.facts[-3:-1]]
    async with ingress(shown) as session, connect(session, MINE) as socket:
        client = BoardClient()
        await listen(socket, client, lambda: client.snapshots)
        await shown.show(pending)
        await listen(socket, client, lambda: client.portions["coxinha"]["held"] == 2)
        assert "o8" not in client.orders
        await shown.show()
        await listen(socket, client, lambda: client.portions["coxinha"]["held"] == 0)
        assert client.orders["o8"]["status"] == "received"


async def test_a_client_resumes_at_another_process_with_what_it_has_missed_only(shown: World) -> None:
    """`after`, by the first message or after the token; what is not held any more becomes a snapshot."""
    client = BoardClient()
    async with ingress(shown) as session, connect(session, MINE) as socket:
        await listen(socket, client, lambda: client.snapshots)
    shown.story.order(True)
    shown.story.put_item()
    await shown.show()
    async with ingress(shown) as session:
        async with connect(session, MINE) as socket:
            await socket.send_json({"type": "resume", "after": client.sequence})
            now = await dashboard(session)
            await listen(socket, client, lambda: client.shows(now))
            assert client.snapshots == 1
        async with connect(session) as socket:
            await socket.send_json({"type": "auth", "token": TOKEN, "after": client.sequence})
            again = BoardClient()
            await listen(socket, again, lambda: again.degraded is not None)
            assert (again.snapshots, again.sequence) == (0, None), "nothing was missed"
        for lost in ("views-0.x-3", "nonsense", client.sequence + "9"):
            async with connect(session) as socket:
                await socket.send_json({"type": "auth", "token": TOKEN, "after": lost})
                await listen(socket, anew := BoardClient(), lambda: anew.snapshots)


async def test_emptied_views_leave_the_board_as_it_is_until_they_are_whole_again(shown: World) -> None:
    """FLUSHALL: no board goes back to what was; it says that it is old, then is replaced."""
    async with ingress(shown) as session, connect(session, MINE) as socket:
        client = BoardClient()
        await listen(socket, client, lambda: client.snapshots)
        before = dict(client.orders)
        await shown.lose()
        await shown.show(shown.story.facts[:5])
        await listen(socket, client, lambda: client.degraded, seconds=8)
        assert (client.snapshots, client.orders) == (1, before)
        shown.story.order(True)
        await shown.show(shown.story.facts)
        await shown.complete(time.time_ns() // 1_000_000)
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
async def test_who_may_not_see_a_board_is_told_so_and_sees_nothing(
    shown: World,
    protocol: str | None,
    first: dict[str, Any] | None,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A restaurant sees no one else's rows; the token never stands in the address."""
    monkeypatch.setattr(restaurant_feed, "AUTH_SECONDS", 0.3)
    async with ingress(shown) as session:
        async with connect(session, *([protocol] if protocol else [])) as socket:
            if first is not None:
                await socket.send_json(first)
            message = await socket.receive(5)
            assert message.type == WSMsgType.CLOSE and socket.close_code == code
        async with session.get(f"{PATH}?token={TOKEN}") as response:
            assert response.status == 426


async def test_a_board_has_no_rows_of_another_restaurant(shown: World) -> None:
    """Changes of one restaurant wake only its own boards."""
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
            await shown.show()
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
async def test_pages_of_other_origins_open_no_feed(
    shown: World, origin: str, listed: str, allowed: bool
) -> None:
    """A page elsewhere must not use what a browser knows; no browser sends no Origin."""
    async with ingress(shown, feed_origins=listed) as session:
        given = str(session._build_url("/"))[:-1] if origin == "same" else origin
        async with connect(session, MINE, headers={"Origin": given}) as socket:
            if allowed:
                await listen(socket, client := BoardClient(), lambda: client.snapshots)
            else:
                assert await closed(socket) == 4403


@pytest.mark.parametrize(("said", "code"), [("x", 1008), ("{}", 1008), ("y" * 5000, 1009)])
async def test_a_client_that_speaks_is_let_go(shown: World, said: str, code: int) -> None:
    """Contract: read-only. A message that is too long is not even read."""
    async with ingress(shown) as session, connect(session, MINE) as socket:
        await listen(socket, client := BoardClient(), lambda: client.snapshots)
        await socket.send_str(said)
        assert await closed(socket) == code


async def test_one_board_too_many_is_refused_and_shutting_down_ends_all(shown: World) -> None:
    """Limits of a restaurant and of the process; 1001 asks clients to come back at once."""
    async with ClientSession() as outside:
        async with ingress(shown, max_feeds_per_restaurant=1) as session:
            url = session._build_url(PATH)
            first = await outside.ws_connect(url, protocols=("promo.feed.v1", MINE))
            await listen(first, client := BoardClient(), lambda: client.snapshots)
            async with connect(session, MINE) as second:
                assert await closed(second) == 4429
            ended = asyncio.ensure_future(closed(first))
        assert await ended == 1001


async def test_a_client_that_is_too_slow_is_let_go_and_resumes_with_nothing_missed(
    shown: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounded buffers: who cannot take what comes is dropped, and comes back for what it has missed."""
    async with ingress(shown) as session:
        client = BoardClient()
        async with connect(session, MINE) as socket:
            await listen(socket, client, lambda: client.snapshots)
            with monkeypatch.context() as patched:
                patched.setattr(outbox, "MOST_MESSAGES", 1)
                shown.story.order(True)  # a row and portions, in one go
                await shown.show()
                assert await closed(socket) == 4408
        async with connect(session, MINE) as socket:
            await socket.send_json({"type": "resume", "after": client.sequence})
            now = await dashboard(session)
            await listen(socket, client, lambda: client.shows(now))
            assert client.snapshots == 1


async def test_a_board_that_cannot_be_read_holds_up_no_other(shown: World) -> None:
    """What is in Redis may be anything; one restaurant's is not another's."""
    async with ingress(shown) as session:
        broken = views.inside((await shown.redis.get(views.CURRENT)).decode(), views.menu("r2"))
        await shown.redis.hset(broken, views.RESTAURANT, "1|no JSON")
        async with (
            connect(session, f"bearer.{TOKENS.restaurant('r2')}", path="/v1/restaurants/r2/feed") as bad,
            connect(session, MINE) as good,
        ):
            client, other = BoardClient(), BoardClient()
            await listen(good, client, lambda: client.snapshots)
            shown.story.order(True)
            await shown.show()
            await listen(good, client, lambda: "o8" in client.orders)
            await listen(bad, other, lambda: other.degraded)
            await shown.redis.delete(broken)
            await listen(bad, other, lambda: other.snapshots)
