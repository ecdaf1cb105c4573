"""Whoever abuses a restaurant's feed is let go with a code that says why, and sees nothing of the board."""

import asyncio

import aiohttp
import pytest

from tests.ingress.bad.feeds import NO_WEBSOCKETS, TABLE, Abuse
from tests.ingress.conftest import Client
from tests.ingress.fakes import FakeViews
from tests.ingress.samples import item, menu

SECONDS = 10


async def end_of(client: Client, abuse: Abuse) -> tuple[int | None, list[str]]:
    """The code with which the feed was closed, and what was told before."""
    told = []
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
                    told.append(received.data)
    return socket.close_code, told


async def test_every_abuse_of_the_feed_is_ended_with_its_code(client: Client, views: FakeViews) -> None:
    """Shown when: WebSocket abuses, as a table."""
    views.show("r1", menu([item("coxinha")]))
    ends = await asyncio.gather(*(end_of(client, abuse) for abuse in TABLE))
    wrong = [
        f"{abuse.name}: {code}, not {abuse.code}"
        for abuse, (code, _) in zip(TABLE, ends, strict=True)
        if code != abuse.code
    ]
    assert not wrong, "\n".join(wrong)
    for abuse, (_, told) in zip(TABLE, ends, strict=True):
        assert abuse.name.startswith("after auth") or not told, f"{abuse.name} was told {told}"


@pytest.mark.parametrize("headers", NO_WEBSOCKETS, ids=lambda headers: " ".join(headers) or "none")
async def test_what_is_no_websocket_is_told_so(client: Client, headers: dict[str, str]) -> None:
    """A problem document, as everywhere."""
    response = await client.get("/v1/restaurants/r1/feed", headers=headers)
    assert response.status in (400, 426) and response.content_type == "application/problem+json"
