"""An order's events over HTTP, with real views: each status once, in order, wherever the client resumes."""

import asyncio

import pytest
from aiohttp import ClientSession
from prometheus_client import REGISTRY

from ingress.live import order_events
from schemas.facts import OrderConfirmed
from tests.egress.stories import LIVES
from tests.live.conftest import TOKENS, World, bearer, ingress
from tests.live.sse import Event, Reader
from tests.waiting import eventually

LIFE = ["pending", "received", "preparing", "out_for_delivery", "delivered"]
EVENTS = "/v1/orders/o1/events"
MINE = bearer(TOKENS.order("o1"))


def told(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.id, event.data["status"]) for event in events]


async def test_an_order_that_is_over_is_told_whole_and_the_stream_ends(world: World) -> None:
    """Contract: every status change, from the first, in order, none twice; ends after a final status."""
    world.story.order(True, LIVES[2])
    await world.show()
    async with ingress(world) as session, session.get(EVENTS, headers=MINE) as response:
        assert response.status == 200 and response.content_type == "text/event-stream"
        events = await Reader(response).rest()
    assert told(events) == [(str(n + 1), status) for n, status in enumerate(LIFE)]
    assert events[1].data["eta"] and "eta" not in events[-1].data and "reason" not in events[1].data


async def test_a_change_comes_while_one_listens_and_to_the_restaurant_too(world: World) -> None:
    """The token is the order's, or its restaurant's."""
    world.story.order(True)
    await world.show()
    async with ingress(world) as session:
        theirs = bearer(TOKENS.restaurant("r1"))
        async with session.get(EVENTS, headers=MINE) as one, session.get(EVENTS, headers=theirs) as two:
            readers = [Reader(one), Reader(two)]
            for reader in readers:
                assert [(await reader.next()).data["status"] for _ in range(2)] == LIFE[:2]
            world.story._live_on(world.story.orders["o1"], "cancelled")
            await world.show()
            for reader in readers:
                (last,) = await reader.rest()
                assert (last.id, last.data["status"], last.data["reason"]) == ("3", "cancelled", "customer")
                assert last.data["refund"]["status"] == "pending"


async def test_a_later_status_waits_for_an_earlier_one(world: World) -> None:
    """Facts of several topics are projected in any order; a client sees them in theirs."""
    world.story.order(True, ("preparing",))
    late = next(fact for fact in world.story.facts if isinstance(fact, OrderConfirmed))
    await world.show([fact for fact in world.story.facts if fact is not late])
    async with ingress(world) as session, session.get(EVENTS, headers=MINE) as response:
        reader = Reader(response)
        assert (await reader.next()).data["status"] == "pending"
        with pytest.raises(TimeoutError):
            await reader.next(0.3)
        await world.show([late])
        assert [(await reader.next()).data["status"] for _ in range(2)] == LIFE[1:3]


@pytest.mark.parametrize("heard", range(6))
async def test_a_client_resumes_after_what_it_has_heard_at_any_process(world: World, heard: int) -> None:
    """Last-Event-ID; nothing twice, nothing missed, also when the last event was the final one."""
    world.story.order(True, LIVES[2])
    await world.show()
    headers = MINE | {"Last-Event-ID": str(heard)}
    async with ingress(world) as session, session.get(EVENTS, headers=headers) as response:
        events = await Reader(response).rest()
    assert [event.data["status"] for event in events] == LIFE[heard:]


async def test_an_order_that_no_view_shows_yet_can_be_followed(world: World) -> None:
    """Who was answered 202 has the address and the token; strangers learn nothing."""
    async with ingress(world) as session:
        async with session.get(EVENTS, headers=bearer(TOKENS.order("o2"))) as stranger:
            assert stranger.status == 404
        async with session.get(EVENTS, headers=MINE) as response:
            world.story.order(True, LIVES[2])
            await world.show()
            assert [event.data["status"] for event in await Reader(response).rest()] == LIFE


async def test_tokens_of_others_open_nothing(world: World) -> None:
    """Another order's token, another restaurant's, none."""
    world.story.order(True)
    await world.show()
    async with ingress(world) as session:
        for token in (TOKENS.order("o2"), TOKENS.restaurant("r2"), "adm"):
            async with session.get(EVENTS, headers=bearer(token)) as response:
                assert response.status == 404
        async with session.get(EVENTS) as response:
            assert response.status == 401


async def test_a_stream_outlives_emptied_views_and_tells_nothing_twice(world: World) -> None:
    """FLUSHALL: the views are projected anew, under another generation; the client hears only what is new."""
    world.story.order(True)
    await world.show()
    async with ingress(world) as session, session.get(EVENTS, headers=MINE) as response:
        reader = Reader(response)
        assert [(await reader.next()).id for _ in range(2)] == ["1", "2"]
        await world.lose()
        await world.show([world.story.facts[0]])
        with pytest.raises(TimeoutError):
            await reader.next(0.3)
        world.story._live_on(world.story.orders["o1"], "preparing")
        await world.show(world.story.facts)
        assert (await reader.next()).id == "3"


async def test_a_silent_stream_has_a_heartbeat(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends must notice a connection that is dead."""
    monkeypatch.setattr(order_events, "HEARTBEAT_SECONDS", 0.05)
    world.story.order(True)
    await world.show()
    async with ingress(world) as session, session.get(EVENTS, headers=MINE) as response:
        async with asyncio.timeout(5):
            await response.content.readuntil(b": \n\n: \n\n")


async def test_one_stream_too_many_is_refused_and_a_place_is_given_back(world: World) -> None:
    """Limits for one order and for the process; 429 with Retry-After."""
    world.story.order(True)
    await world.show()
    async with ingress(world, max_streams_per_order=1) as session:
        async with session.get(EVENTS, headers=MINE) as first:
            await Reader(first).next()
            async with session.get(EVENTS, headers=MINE) as second:
                assert second.status == 429 and int(second.headers["Retry-After"]) >= 1
        world.story._live_on(world.story.orders["o1"], "cancelled")
        await world.show()
        async with asyncio.timeout(5):
            while (await session.get(EVENTS, headers=MINE)).status == 429:
                await asyncio.sleep(0.05)


async def test_shutting_down_ends_streams(world: World) -> None:
    """A process that is stopped does not wait for clients that would stay for ever."""
    world.story.order(True)
    await world.show()
    async with ClientSession() as client:
        async with ingress(world) as session:
            response = await client.get(session._build_url(EVENTS), headers=MINE)
            reader = Reader(response)
            await reader.next()
        assert [event.data["status"] for event in await reader.rest()] == ["received"]


async def test_a_stream_is_counted_and_its_length_is_not_taken_for_latency(world: World) -> None:
    """A stream lasts as long as the customer looks; the histogram of requests is about waiting."""
    labels = {"route": "/v1/orders/{order_id}/events", "method": "GET", "status": "200"}
    sample = REGISTRY.get_sample_value

    def seen(name: str) -> float:
        return sample(f"promo_http_request{name}", labels) or 0.0

    before = seen("s_total"), seen("_duration_seconds_sum")
    sent = sample("promo_notifications_total", {"channel": "sse", "result": "delivered"})
    world.story.order(True)
    await world.show()
    async with ingress(world) as session, session.get(EVENTS, headers=MINE) as response:
        reader = Reader(response)
        for _ in range(2):
            await reader.next()
        assert sample("promo_live_streams", {"channel": "sse"}) == 1
        await asyncio.sleep(0.5)
        world.story._live_on(world.story.orders["o1"], "cancelled")
        await world.show()
        await reader.rest()
    assert sample("promo_live_streams", {"channel": "sse"}) == 0
    assert sample("promo_notifications_total", {"channel": "sse", "result": "delivered"}) == sent + 3
    assert seen("s_total") == before[0] + 1 and seen("_duration_seconds_sum") < before[1] + 0.4


async def test_a_client_that_does_not_read_is_let_go_and_holds_up_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounded buffers: what waits for it fills its socket, then it is cut off, and may resume."""
    monkeypatch.setattr(order_events, "HEARTBEAT", b":" + b" " * 65_536 + b"\n\n")
    monkeypatch.setattr(order_events, "HEARTBEAT_SECONDS", 0.001)
    monkeypatch.setattr(order_events, "WRITE_SECONDS", 0.3)
    labels = {"channel": "sse", "result": "failed"}
    before = REGISTRY.get_sample_value("promo_notifications_total", labels)
    world.story.order(True)
    await world.show()
    async with ingress(world) as session:
        slow = await session.get(EVENTS, headers=MINE)  # its body is never read
        await eventually(lambda: REGISTRY.get_sample_value("promo_live_streams", {"channel": "sse"}) == 1)
        async with session.get(EVENTS, headers=MINE) as response:
            reader = Reader(response)
            assert [(await reader.next()).id for _ in range(2)] == ["1", "2"]
            coming = asyncio.ensure_future(reader.next(20))
            await eventually(
                lambda: REGISTRY.get_sample_value("promo_notifications_total", labels) == before + 1
            )
            world.story._live_on(world.story.orders["o1"], "cancelled")
            await world.show()
            assert (await coming).id == "3"
        slow.close()
