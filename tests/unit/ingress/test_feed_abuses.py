"""A client that abuses a restaurant's feed is disconnected with a code that gives the reason, and sees nothing of the board."""

import asyncio

import aiohttp
import pytest

from ingress.handlers import restaurant_feed
from tests.support.ingress.bad.feeds import NO_WEBSOCKETS, TABLE, Abuse
from tests.support.ingress.fakes import FakeViews
from tests.support.ingress.samples import item, menu
from tests.unit.ingress.conftest import Client

SECONDS = 10


async def end_of(client: Client, abuse: Abuse) -> tuple[int | None, list[str]]:
    """Return the close code of the feed, and the messages before it."""
    messages = []
    async with client.session.ws_connect(
        abuse.path, protocols=abuse.protocols, headers=abuse.headers, max_msg_size=0
    ) as socket:
        for message in abuse.messages:
            if isinstance(message, str):
                await socket.send_str(message)
            else:
                await socket.send_bytes(message)
        async with asyncio.timeout(SECONDS):
            async for received in socket:
                if received.type is aiohttp.WSMsgType.TEXT:
                    messages.append(received.data)
    return socket.close_code, messages


async def test_feed_abuse_gets_its_close_code(
    client: Client, views: FakeViews, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WebSocket abuses, as a table."""
    monkeypatch.setattr(
        restaurant_feed, "RESUME_TIMEOUT_SECONDS", 2.0
    )  # a busy machine delays first messages
    views.show("r1", menu([item("coxinha")]))
    ends = await asyncio.gather(*(end_of(client, abuse) for abuse in TABLE))
    wrong = [
        f"{abuse.name}: {code}, not {abuse.code}"
        for abuse, (code, _) in zip(TABLE, ends, strict=True)
        if code != abuse.code
    ]
    assert not wrong, "\n".join(wrong)
    for abuse, (_, messages) in zip(TABLE, ends, strict=True):
        assert abuse.name.startswith("after auth") or not messages, f"{abuse.name} was sent {messages}"


@pytest.mark.parametrize("headers", NO_WEBSOCKETS, ids=lambda headers: " ".join(headers) or "none")
async def test_plain_request_is_a_problem(client: Client, headers: dict[str, str]) -> None:
    """A problem document, as everywhere."""
    response = await client.get("/v1/restaurants/r1/feed", headers=headers)
    assert response.status in (400, 426) and response.content_type == "application/problem+json"
