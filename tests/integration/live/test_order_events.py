"""An order's events over HTTP, with real views: each status once, in order, from any version."""

import asyncio
import time

import pytest
from aiohttp import ClientSession
from prometheus_client import REGISTRY

from ingress.handlers import order_events
from schemas.facts import OrderConfirmed
from schemas.timestamps import wall_clock
from tests.integration.live.conftest import TOKENS, ViewsHarness, bearer, ingress, server_origin
from tests.support.egress.stories import LIVES
from tests.support.live.sse import Event, Reader
from tests.support.waiting import eventually

LIFE = ["pending", "received", "preparing", "out_for_delivery", "delivered"]
EVENTS = "/v1/orders/o1/events"
MINE = bearer(TOKENS.order("o1"))


def received(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.id, event.data["status"]) for event in events]


async def test_finished_order_streams_all_and_ends(harness: ViewsHarness) -> None:
    """Contract: every status change, from the first, in order, none twice; ends after a final status."""
    harness.story.order(True, LIVES[2])
    await harness.project()
    async with ingress(harness) as session, session.get(EVENTS, headers=MINE) as response:
        assert response.status == 200 and response.content_type == "text/event-stream"
        events = await Reader(response).rest()
    assert received(events) == [(str(n + 1), status) for n, status in enumerate(LIFE)]
    assert events[1].data["eta"] and "eta" not in events[-1].data and "reason" not in events[1].data


async def test_change_reaches_customer_and_restaurant(harness: ViewsHarness) -> None:
    """The order's token and its restaurant's token open the same stream."""
    harness.story.order(True)
    await harness.project()
    async with ingress(harness) as session:
        theirs = bearer(TOKENS.restaurant("r1"))
        async with session.get(EVENTS, headers=MINE) as one, session.get(EVENTS, headers=theirs) as two:
            readers = [Reader(one), Reader(two)]
            for reader in readers:
                assert [(await reader.next()).data["status"] for _ in range(2)] == LIFE[:2]
            harness.story.advance(harness.story.orders["o1"], "cancelled")
            await harness.project()
            for reader in readers:
                (last,) = await reader.rest()
                assert (last.id, last.data["status"], last.data["reason"]) == ("3", "cancelled", "customer")
                assert last.data["refund"]["status"] == "pending"


async def test_later_status_waits_for_earlier_one(harness: ViewsHarness) -> None:
    """Facts of several topics are projected in any order; a client receives statuses in theirs."""
    harness.story.order(True, ("preparing",))
    late = next(fact for fact in harness.story.facts if isinstance(fact, OrderConfirmed))
    await harness.project([fact for fact in harness.story.facts if fact is not late])
    async with ingress(harness) as session, session.get(EVENTS, headers=MINE) as response:
        reader = Reader(response)
        assert (await reader.next()).data["status"] == "pending"
        with pytest.raises(TimeoutError):
            await reader.next(0.3)
        await harness.project([late])
        assert [(await reader.next()).data["status"] for _ in range(2)] == LIFE[1:3]


@pytest.mark.parametrize("last_event_id", range(6))
async def test_client_resumes_at_any_process(harness: ViewsHarness, last_event_id: int) -> None:
    """Last-Event-ID: nothing twice, nothing missed, also when the last event was the final one."""
    harness.story.order(True, LIVES[2])
    await harness.project()
    headers = MINE | {"Last-Event-ID": str(last_event_id)}
    async with ingress(harness) as session, session.get(EVENTS, headers=headers) as response:
        events = await Reader(response).rest()
    assert [event.data["status"] for event in events] == LIFE[last_event_id:]


@pytest.mark.parametrize(
    "last_event_id", ["50", "6", "999999999999999", "9" * 40, "-1", "1.0", "\u00b2", "abc", ""]
)
async def test_unknown_last_event_brings_all_there_is(harness: ViewsHarness, last_event_id: str) -> None:
    """An id that the order never had, and nonsense, count as none: an open order goes on, an ended one ends."""
    headers = MINE | {"Last-Event-ID": last_event_id}
    harness.story.order(True)
    await harness.project()
    await harness.publish_watermarks(wall_clock())
    async with ingress(harness) as session:
        async with session.get(EVENTS, headers=headers) as response:
            reader = Reader(response)
            assert [(await reader.next()).data["status"] for _ in range(2)] == LIFE[:2]
        for status in LIVES[2]:
            harness.story.advance(harness.story.orders["o1"], status)
        await harness.project()
        async with session.get(EVENTS, headers=headers) as response:
            events = await Reader(response).rest()
    assert [event.data["status"] for event in events] == LIFE


async def test_order_can_be_followed_before_views_show_it(harness: ViewsHarness) -> None:
    """A customer who got 202 has the address and the token; other tokens get 404."""
    async with ingress(harness) as session:
        async with session.get(EVENTS, headers=bearer(TOKENS.order("o2"))) as stranger:
            assert stranger.status == 404
        async with session.get(EVENTS, headers=MINE) as response:
            harness.story.order(True, LIVES[2])
            await harness.project()
            assert [event.data["status"] for event in await Reader(response).rest()] == LIFE


async def test_tokens_of_others_get_404(harness: ViewsHarness) -> None:
    """Another order's token and another restaurant's are answered like an unknown order; no token is 401."""
    harness.story.order(True)
    await harness.project()
    async with ingress(harness) as session:
        for token in (TOKENS.order("o2"), TOKENS.restaurant("r2"), "adm"):
            async with session.get(EVENTS, headers=bearer(token)) as response:
                assert response.status == 404
        async with session.get(EVENTS) as response:
            assert response.status == 401


async def test_stream_survives_emptied_views(harness: ViewsHarness) -> None:
    """After FLUSHALL the views are projected again in another generation; the client receives only new statuses."""
    harness.story.order(True)
    await harness.project()
    async with ingress(harness) as session, session.get(EVENTS, headers=MINE) as response:
        reader = Reader(response)
        assert [(await reader.next()).id for _ in range(2)] == ["1", "2"]
        await harness.flush_all()
        await harness.project([harness.story.facts[0]])
        with pytest.raises(TimeoutError):
            await reader.next(0.3)
        harness.story.advance(harness.story.orders["o1"], "preparing")
        await harness.project(harness.story.facts)
        assert (await reader.next()).id == "3"


async def test_idle_stream_sends_heartbeats(harness: ViewsHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends must notice a dead connection."""
    monkeypatch.setattr(order_events, "HEARTBEAT_INTERVAL_SECONDS", 0.05)
    harness.story.order(True)
    await harness.project()
    async with ingress(harness) as session, session.get(EVENTS, headers=MINE) as response:
        async with asyncio.timeout(5):
            await response.content.readuntil(b": \n\n: \n\n")


async def test_stream_past_limit_is_rejected(harness: ViewsHarness) -> None:
    """429 with Retry-After past the limit of an order; a stream that ends frees its slot."""
    harness.story.order(True)
    await harness.project()
    async with ingress(harness, max_streams_per_order=1) as session:
        async with session.get(EVENTS, headers=MINE) as first:
            await Reader(first).next()
            async with session.get(EVENTS, headers=MINE) as second:
                assert second.status == 429 and int(second.headers["Retry-After"]) >= 1
        harness.story.advance(harness.story.orders["o1"], "cancelled")
        await harness.project()
        async with asyncio.timeout(5):
            while (await session.get(EVENTS, headers=MINE)).status == 429:
                await asyncio.sleep(0.05)


async def test_shutdown_ends_streams(harness: ViewsHarness) -> None:
    """A process that stops does not wait for clients that would stay connected."""
    harness.story.order(True)
    await harness.project()
    async with ClientSession() as client:
        async with ingress(harness) as session:
            response = await client.get(await server_origin(session) + EVENTS, headers=MINE)
            reader = Reader(response)
            await reader.next()
        assert [event.data["status"] for event in await reader.rest()] == ["received"]


async def test_stream_duration_is_not_latency(harness: ViewsHarness) -> None:
    """A stream lasts as long as the client listens; the histogram of requests measures the wait for its start."""
    labels = {"route": "/v1/orders/{order_id}/events", "method": "GET", "status": "200"}
    sample = REGISTRY.get_sample_value

    def value(name: str) -> float:
        return sample(f"promo_http_request{name}", labels) or 0.0

    before = value("s_total"), value("_duration_seconds_sum")
    sent = sample("promo_notifications_total", {"channel": "sse", "result": "delivered"})
    harness.story.order(True)
    await harness.project()
    async with ingress(harness) as session:
        requested_at = time.monotonic()
        async with session.get(EVENTS, headers=MINE) as response:
            reader = Reader(response)
            for _ in range(2):
                await reader.next()
            waited = time.monotonic() - requested_at
            assert sample("promo_live_streams", {"channel": "sse"}) == 1
            await asyncio.sleep(0.5)
            harness.story.advance(harness.story.orders["o1"], "cancelled")
            await harness.project()
            await reader.rest()
    assert sample("promo_live_streams", {"channel": "sse"}) == 0
    assert sample("promo_notifications_total", {"channel": "sse", "result": "delivered"}) == sent + 3
    assert value("s_total") == before[0] + 1 and value("_duration_seconds_sum") < before[1] + waited + 0.4


async def test_client_that_does_not_read_is_disconnected(
    harness: ViewsHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its socket's buffer fills, then it is disconnected, and may resume; other clients are not delayed."""
    monkeypatch.setattr(order_events, "HEARTBEAT", b":" + b" " * 65_536 + b"\n\n")
    monkeypatch.setattr(order_events, "HEARTBEAT_INTERVAL_SECONDS", 0.001)
    monkeypatch.setattr(order_events, "WRITE_TIMEOUT_SECONDS", 0.3)
    labels = {"channel": "sse", "result": "failed"}
    before = REGISTRY.get_sample_value("promo_notifications_total", labels)
    harness.story.order(True)
    await harness.project()
    async with ingress(harness) as session:
        slow = await session.get(EVENTS, headers=MINE)  # its body is never read
        await eventually(lambda: REGISTRY.get_sample_value("promo_live_streams", {"channel": "sse"}) == 1)
        async with session.get(EVENTS, headers=MINE) as response:
            reader = Reader(response)
            assert [(await reader.next()).id for _ in range(2)] == ["1", "2"]
            coming = asyncio.ensure_future(reader.next(20))
            await eventually(
                lambda: REGISTRY.get_sample_value("promo_notifications_total", labels) == before + 1
            )
            harness.story.advance(harness.story.orders["o1"], "cancelled")
            await harness.project()
            assert (await coming).id == "3"
        slow.close()
