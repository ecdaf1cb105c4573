"""A stream of an order that no view shows, over HTTP."""

import asyncio

import aiohttp
import pytest
from aiohttp import ClientSession

from ingress.http.tokens import Tokens
from ingress.live import subscriptions
from schemas.settings import Settings
from tests.support.ingress.apps import HOST, application, serving

TOKENS = Tokens("secret", "adm")


async def test_stream_of_an_order_that_never_was_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is answered 200, sends no event and ends by itself; its place is free again."""
    monkeypatch.setattr(subscriptions, "FIND_TIMEOUT_SECONDS", 0.3)
    settings = Settings(token_secret="secret", max_streams=1)
    headers = {"Authorization": f"Bearer {TOKENS.order('o_never')}"}
    async with serving(application(settings)) as port, ClientSession(f"http://{HOST}:{port}") as session:

        async def follow() -> aiohttp.ClientResponse:
            return await session.get("/v1/orders/o_never/events", headers=headers)

        async with await follow() as response, await follow() as second:
            assert (response.status, second.status) == (200, 429)
            async with asyncio.timeout(10):
                assert b"event:" not in await response.read()
        async with await follow() as response:
            assert response.status == 200
